%% Looks up what standard input asks for, by Erlang's inet_res: lines of KIND NAME,
%% answered as package clients describes it. txt is asked for as srv is.
main(_) ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            [Kind, Name] = string:lexemes(string:chomp(Line), " "),
            io:format("~ts~n", [lists:join(" ", answer(Kind, Name))]),
            main([])
    end.

answer("ptr", Address) ->
    {ok, IP} = inet:parse_address(Address),
    case inet:gethostbyaddr(IP) of
        {ok, {hostent, Name, Aliases, _, _, _}} -> ["found", Name | Aliases];
        {error, Reason} -> [outcome(Reason), atom_to_list(Reason)]
    end;
answer(Kind, Name) ->
    Type = case Kind of "ip4" -> a; "ip6" -> aaaa; "srv" -> srv; "txt" -> txt end,
    case inet_res:getbyname(Name, Type) of
        {ok, {hostent, _, _, _, _, Values}} -> ["found" | [text(Type, V) || V <- Values]];
        {error, Reason} -> [outcome(Reason), atom_to_list(Reason)]
    end.

text(srv, {Priority, _, Port, Target}) -> io_lib:format("~b/~b/~s", [Priority, Port, Target]);
text(txt, Texts) -> Texts;
text(_, IP) -> inet:ntoa(IP).

outcome(nxdomain) -> "none";
outcome(_) -> "failed".

%% Looks up what standard input asks for, by Erlang's inet_res: lines of KIND NAME,
%% answered as package clients describes it. Three kinds more are
%%
%%   txt    the texts of TXT records
%%   glue   what comes with SRV records: TARGET=ADDRESS
%%   hosts  the hosts of nodes that RabbitMQ's dns backend finds by the name, by its own code
main(_) ->
    [code:add_path(Dir) || Dir <- filelib:wildcard("/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/{rabbit,rabbit_common}-*/ebin")],
    answers().

answers() ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            [Kind, Name] = string:lexemes(string:chomp(Line), " "),
            io:format("~ts~n", [lists:join(" ", answer(Kind, Name))]),
            answers()
    end.

answer("ptr", Address) ->
    {ok, IP} = inet:parse_address(Address),
    case inet:gethostbyaddr(IP) of
        {ok, {hostent, Name, Aliases, _, _, _}} -> ["found", Name | Aliases];
        {error, Reason} -> failed(Reason)
    end;
answer("hosts", Name) ->
    case rabbit_peer_discovery_dns:discover_hostnames(Name, true) of
        [] -> ["none", "empty"];
        Hosts -> ["found" | Hosts]
    end;
%% getbyname makes no difference between a name without such records and no such name.
answer("txt", Name) ->
    message(Name, txt, fun(M) -> lists:append([inet_dns:rr(RR, data) || RR <- inet_dns:msg(M, anlist)]) end);
answer("glue", Name) ->
    message(Name, srv, fun(M) ->
        [[inet_dns:rr(RR, domain), "=", inet:ntoa(inet_dns:rr(RR, data))] ||
            RR <- inet_dns:msg(M, arlist), lists:member(inet_dns:rr(RR, type), [a, aaaa])]
    end);
answer(Kind, Name) ->
    Type = case Kind of "ip4" -> a; "ip6" -> aaaa; "srv" -> srv end,
    case inet_res:getbyname(Name, Type) of
        {ok, {hostent, _, _, _, _, Values}} -> ["found" | [text(Type, V) || V <- Values]];
        {error, Reason} -> failed(Reason)
    end.

message(Name, Type, Values) ->
    case inet_res:resolve(Name, in, Type) of
        {ok, Message} ->
            case Values(Message) of
                [] -> ["none", "nodata"];
                List -> ["found" | List]
            end;
        {error, Reason} -> failed(Reason)
    end.

text(srv, {Priority, _, Port, Target}) -> io_lib:format("~b/~b/~s", [Priority, Port, Target]);
text(_, IP) -> inet:ntoa(IP).

failed(nxdomain) -> ["none", "nxdomain"];
failed({Reason, _}) -> failed(Reason);
failed(Reason) -> ["failed", atom_to_list(Reason)].

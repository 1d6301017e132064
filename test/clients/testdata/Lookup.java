import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.Security;
import java.util.ArrayList;
import java.util.Hashtable;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.naming.Context;
import javax.naming.NameNotFoundException;
import javax.naming.NamingException;
import javax.naming.directory.Attribute;
import javax.naming.directory.DirContext;
import javax.naming.directory.InitialDirContext;

/**
 * Looks up what standard input asks for, by InetAddress or, with the argument
 * "jndi", by JNDI's DNS provider. See doc.go for what it reads and writes.
 */
class Lookup {
    // JNDI gives records as text. JGroups reads SRV records by such a pattern, and passes over
    // what does not match it.
    static final Pattern SRV = Pattern.compile("(\\d+) \\d+ (\\d+) ([\\w+.-]+)\\.");

    public static void main(String[] args) throws Exception {
        // How long InetAddress keeps a denial. It is set in the JDK's java.security, too
        // (10 seconds), so the system property sun.net.inetaddr.negative.ttl is not read.
        Security.setProperty("networkaddress.cache.negative.ttl", "0");
        boolean jndi = args.length > 0 && args[0].equals("jndi");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ");
            System.out.println(jndi ? byJNDI(words[0], words[1]) : byInetAddress(words[0], words[1]));
        }
    }

    static String byInetAddress(String kind, String name) {
        List<String> found = new ArrayList<>();
        try {
            if (kind.equals("ptr")) {
                String host = InetAddress.getByName(name).getCanonicalHostName();
                return host.equals(name) ? "none address" : "found " + host;
            }
            for (InetAddress a : InetAddress.getAllByName(name)) {
                found.add(a.getHostAddress());
            }
        } catch (UnknownHostException e) {
            // It has the C library's words, and no code.
            return e.getMessage().contains("emporary") ? "failed UnknownHostException" : "none UnknownHostException";
        }
        return "found " + String.join(" ", found);
    }

    static String byJNDI(String kind, String name) {
        Hashtable<String, String> env = new Hashtable<>();
        env.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.dns.DnsContextFactory");
        env.put(Context.PROVIDER_URL, "dns:"); // the servers of resolv.conf
        List<String> found = new ArrayList<>();
        try {
            DirContext context = new InitialDirContext(env);
            String type = kind.equals("ip4") ? "A" : kind.equals("ip6") ? "AAAA" : kind.toUpperCase();
            Attribute records = context.getAttributes(name, new String[] {type}).get(type);
            if (records == null) {
                return "none no-attribute";
            }
            for (int i = 0; i < records.size(); i++) {
                String text = records.get(i).toString();
                if (!kind.equals("srv")) {
                    found.add(text.split(" ")[0]);
                    continue;
                }
                Matcher record = SRV.matcher(text);
                if (!record.matches()) {
                    return "failed not-an-SRV-record:" + text.replace(' ', '_');
                }
                found.add(record.group(1) + "/" + record.group(2) + "/" + record.group(3) + ".");
            }
        } catch (NameNotFoundException e) {
            return "none NameNotFoundException";
        } catch (NamingException e) {
            return "failed " + e.getClass().getSimpleName();
        }
        return "found " + String.join(" ", found);
    }
}

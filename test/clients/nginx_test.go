package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/process"
)

// nginxProgram is the path of nginx.
func nginxProgram() string { return filepath.Join(prepared.Nginx, "usr/sbin/nginx") }

// A proxy is nginx that passes requests for /NAME on to NAME. At the end of each
// way stands the same nginx, at every address, and says at which.
type proxy struct {
	url  string
	log  string // path of the error log
	read int    // octets of the log that belong to earlier lookups
}

// startNginx starts nginx, which reads no resolv.conf: it asks the pod's servers
// for names as they are.
func startNginx(t *testing.T, c client, p pod) asker {
	t.Helper()
	ports, err := process.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(nginxConf(dir, ports[0], p.servers)), 0o644); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	server, err := process.Start(process.Spec{
		Name: nginx, Path: nginxProgram(), Args: []string{"-c", conf, "-e", "stderr"}, Env: c.env, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	proxy := &proxy{url: "http://127.0.0.1:" + ports[0] + "/", log: log}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, errors.New("not within 30 seconds"))
	defer cancel()
	if err := server.Ready(ctx, func(context.Context) error {
		response, err := http.Get(proxy.url)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}); err != nil {
		t.Fatal(err)
	}
	return proxy
}

// nginxConf is for one process that stays in the foreground, logs to standard
// error, and writes nothing outside of dir.
func nginxConf(dir, port string, servers []string) string {
	var scratch strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&scratch, "    %s_temp_path %s/%s;\n", kind, dir, kind)
	}
	return fmt.Sprintf(`daemon off;
master_process off;
user root root;
pid %[1]s/pid;
error_log stderr;
events { }
http {
%[2]s    access_log off;
    resolver %[3]s;
    server {
        listen 127.0.0.1:%[4]s;
        location / { return 204; }
        location ~ ^/(?<name>.+)$ { proxy_pass http://$name; }
    }
    server {
        listen 80;
        listen [::]:80;
        return 200 $server_addr;
    }
}
`, dir, scratch.String(), strings.Join(servers, " "), port)
}

// unresolved is what nginx logs of a name that it can't resolve: the code is that
// of a response, or its own.
var unresolved = regexp.MustCompile(`could not be resolved \((\d+): ([^)]+)\)`)

func (p *proxy) ask(_, name string) (answer, error) {
	response, err := http.Get(p.url + name)
	if err != nil {
		return answer{}, fmt.Errorf("asking nginx for %s: %w", name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("asking nginx for %s: %w", name, err)
	}
	if response.StatusCode == http.StatusOK {
		return answer{found, []string{strings.Trim(string(body), "[]")}}, nil
	}
	log, err := os.ReadFile(p.log)
	if err != nil {
		return answer{}, err
	}
	said := unresolved.FindSubmatch(log[p.read:])
	p.read = len(log)
	switch {
	case said == nil:
		return answer{}, fmt.Errorf("nginx, for %s: %s\n%s", name, response.Status, process.Tail(p.log, 5))
	case string(said[1]) == "3":
		return answer{none, []string{string(said[2])}}, nil
	}
	return answer{failed, []string{string(said[2])}}, nil
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	host     = "127.0.0.1"
	database = "waybill"
	// patience bounds the wait for a server that neither answers nor says that it is starting up.
	patience = 30 * time.Second
)

// ensure leaves a running server behind, and s knowing its port and password. The caller holds the start lock.
// A port other than 0 is insisted on.
func (s *Server) ensure(ctx context.Context, port int) error {
	deadline := time.Now().Add(patience)
	for told := false; ; {
		server, err := s.place.tryLock(serverLock, exclusive)
		if err != nil {
			return err
		}
		if server != nil {
			defer server.release()
			s.started = s.started || s.stop == nil // by Start, not by the watcher
			return s.launch(ctx, server, port)
		}
		err = s.join(ctx)
		var pgErr *pgconn.PgError
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errSettled):
			return err
		case errors.As(err, &pgErr) && pgErr.Code == "57P03": // starting up, or shutting down
			deadline = time.Now().Add(patience)
			if !told {
				s.opts.Log.Info("waiting for PostgreSQL", "dir", s.place.dir, "state", pgErr.Message)
				told = true
			}
		case time.Now().After(deadline):
			return fmt.Errorf("embedded: a PostgreSQL holds %s but does not answer: %w", s.place.dir, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("embedded: waiting for PostgreSQL in %s: %w", s.place.dir, err)
		}
	}
}

// errSettled marks an error that waiting does not mend.
var errSettled = errors.New("embedded: cannot use the running PostgreSQL")

// join connects to the server that holds the folder.
func (s *Server) join(ctx context.Context) error {
	run, err := s.place.running()
	if err != nil {
		return err
	}
	pass, err := os.ReadFile(s.place.password())
	if err != nil {
		return fmt.Errorf("%w: %w", errSettled, err)
	}
	durable, err := ping(ctx, run.port, string(pass))
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "28P01" {
		return fmt.Errorf("%w: the password in %s is not the server's: %w", errSettled, s.place.password(), err)
	}
	if err != nil {
		return err
	}
	if s.opts.Durable && !durable {
		return fmt.Errorf("%w: the one in %s runs without fsync, for tests", errSettled, s.place.dir)
	}
	s.port, s.pass = run.port, string(pass)
	s.opts.Log.Debug("joined PostgreSQL", "dir", s.place.dir, "port", s.port)
	return nil
}

// ping makes sure that the database is there and answers, and reports whether it syncs.
func ping(ctx context.Context, port int, pass string) (durable bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, connString(port, administrator, pass, database))
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "3D000" { // first use
		admin, err := pgx.Connect(ctx, connString(port, administrator, pass, "postgres"))
		if err != nil {
			return false, err
		}
		_, err = admin.Exec(ctx, "CREATE DATABASE "+database)
		if err = errors.Join(err, admin.Close(ctx)); err != nil {
			return false, err
		}
		conn, err = pgx.Connect(ctx, connString(port, administrator, pass, database))
		if err != nil {
			return false, err
		}
	} else if err != nil {
		return false, err
	}
	err = conn.QueryRow(ctx, "SELECT current_setting('fsync')::boolean").Scan(&durable)
	return durable, errors.Join(err, conn.Close(ctx))
}

// launch starts the server, which inherits the server lock.
func (s *Server) launch(ctx context.Context, server *lock, port int) error {
	p := s.place
	err := s.recoverable(ctx, server, port)
	if err == nil || s.opts.Durable || ctx.Err() != nil || port != 0 || !p.volatile() {
		return err
	}
	s.opts.Log.Warn("a test cluster cannot be recovered; making a new one", "dir", p.dir, "error", err)
	if err := os.RemoveAll(p.data()); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return s.recoverable(ctx, server, port)
}

func (s *Server) recoverable(ctx context.Context, server *lock, port int) error {
	p := s.place
	major, err := p.version()
	if err != nil {
		return err
	}
	if major != 0 && s.opts.Durable && p.volatile() {
		return fmt.Errorf("embedded: the cluster in %s was made for tests, without fsync: remove it or choose another folder", p.dir)
	}
	bin, err := p.findBinaries(s.opts.Binaries, major)
	if err != nil {
		return err
	}
	if major == 0 {
		if err := s.initialise(bin, server); err != nil {
			return err
		}
	}
	pass, err := os.ReadFile(p.password())
	if err != nil {
		return fmt.Errorf("embedded: the password of the database is lost: %w", err)
	}
	if err := p.forget(); err != nil {
		return err
	}
	s.pass = string(pass)
	want := port
	if want == 0 {
		want = p.lastPort()
	}
	for try := 0; ; try++ {
		if want == 0 || !free(want) {
			if port != 0 {
				return fmt.Errorf("embedded: port %d is taken by another program", port)
			}
			if want, err = freePort(); err != nil {
				return err
			}
		}
		err := s.run(ctx, bin, server, want)
		if err == nil {
			s.port = want
			s.opts.Log.Debug("PostgreSQL runs", "dir", p.dir, "port", want, "version", bin.major)
			if err := p.keepPort(want); err != nil { // it runs all the same; the next start takes another port
				s.opts.Log.Warn("the port of PostgreSQL could not be kept", "error", err)
			}
			return nil
		}
		if try == 3 || ctx.Err() != nil || port != 0 || free(want) {
			return err
		}
	}
}

// run starts one server process and waits until it answers.
func (s *Server) run(ctx context.Context, bin binaries, server *lock, port int) error {
	p := s.place
	args := []string{"-D", p.data()}
	for _, kv := range settings(!p.volatile(), port) {
		args = append(args, "-c", kv)
	}
	out, offset, err := p.openLog()
	if err != nil {
		return err
	}
	defer out.Close() // the server has its own copy
	cmd := p.command(bin, "postgres", args...)
	cmd.Dir = p.data()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{server.file}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("embedded: start PostgreSQL: %w", err)
	}
	s.child = watchedChild(cmd)
	told, heard := time.Now(), time.Now() // heard is when it last said that it is at it
	for {
		select {
		case <-s.child.ended:
			return fmt.Errorf("embedded: PostgreSQL did not start: %w; %s", s.child.err, p.lastWords(offset))
		default:
		}
		_, err := ping(ctx, port, s.pass)
		if err == nil {
			return nil
		}
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) {
			heard = time.Now()
		}
		if time.Since(told) > 5*time.Second {
			s.opts.Log.Info("waiting for PostgreSQL to recover", "dir", p.dir, "last", err.Error())
			told = time.Now()
		}
		gone := pause(ctx, 5*time.Millisecond)
		if gone == nil && time.Since(heard) > 2*patience {
			gone = fmt.Errorf("nothing answers at port %d for %v: %w", port, 2*patience, err)
		}
		if gone != nil {
			_ = cmd.Process.Signal(syscall.SIGQUIT)
			<-s.child.ended
			return fmt.Errorf("embedded: waiting for PostgreSQL to start: %w", gone)
		}
	}
}

// settings are given on the command line, so that an update of Waybill brings its own.
func settings(durable bool, port int) []string {
	set := []string{
		"listen_addresses=" + host,
		"port=" + strconv.Itoa(port),
		"unix_socket_directories=",
		"max_connections=200",
		"shared_buffers=" + sharedBuffers(),
		"jit=off", // short statements only; compiling costs more than it saves
		"max_wal_size=2GB",
		"checkpoint_timeout=15min",
		"checkpoint_completion_target=0.9",
		"timezone=" + utc(),
		"log_timezone=" + utc(),
		// Errors go to the client, which knows what may be told. Here they could show personal data.
		"log_min_messages=log",
		"log_min_error_statement=panic",
		"log_error_verbosity=terse",
		"log_checkpoints=off",
	}
	if !durable {
		set = append(set, "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=500",
			"shared_buffers=128MB")
	}
	return set
}

// sharedBuffers is an eighth of the machine's memory, from 128 MB to 2 GB; the system's own cache does the rest.
func sharedBuffers() string {
	const mb = 1 << 20
	var info syscall.Sysinfo_t
	size := uint64(256 * mb)
	if err := syscall.Sysinfo(&info); err == nil {
		size = min(max(info.Totalram*uint64(info.Unit)/8, 128*mb), 2048*mb)
	}
	return strconv.FormatUint(size/mb, 10) + "MB"
}

// utc is a name of that zone that the server understands even where no time zone files are installed.
func utc() string {
	if _, err := os.Stat("/usr/share/zoneinfo/UTC"); err != nil {
		return "UTC0"
	}
	return "UTC"
}

func (p place) keepPort(port int) error {
	if p.lastPort() == port {
		return nil
	}
	return replaceFile(filepath.Join(p.dir, "port"), strconv.Itoa(port))
}

func (p place) lastPort() int {
	b, err := os.ReadFile(filepath.Join(p.dir, "port"))
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(string(b))
	return port
}

func free(port int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, fmt.Errorf("embedded: no free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		return 0, fmt.Errorf("embedded: no free port: %w", err)
	}
	return strconv.Atoi(port)
}

// openLog opens the server's log to append to it, and says where that begins.
func (p place) openLog() (*os.File, int64, error) {
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND | syscall.O_NOFOLLOW
	if info, err := os.Stat(p.log()); err == nil && info.Size() > 8<<20 {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(p.log(), flags, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("embedded: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("embedded: %w", err)
	}
	return f, info.Size(), nil
}

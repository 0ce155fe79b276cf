// Command vseeid is an OpenID Provider.
//
//	vseeid dev       try it: nothing but Go, sample people, two demo apps
//	vseeid serve     production: PostgreSQL, Redis, settings by flags and VSEEID_* variables
//	vseeid migrate   bring the database to the schema of this program
//	vseeid client    the apps that may send people here
//	vseeid org       organizations and what they demand of a sign-in
//	vseeid user      people
//	vseeid audit     what happened, also by the reference that a page shows
//	vseeid keys      signing keys and master keys
//
// This package is the only place where the parts meet: build.go puts a provider together, and is
// used by serve, by dev and by the tests alike. Around it each request passes, in this order,
//
//	server.go     a deadline
//	origin.go     a request id and the client's address, for the log, the audit and error pages
//	accesslog.go  one line when it is answered
//	recovery.go   a panic becomes an error page with a reference
//	headers.go    the headers of every response; 421 for other hosts
//	unmatched.go  pages for unknown addresses and methods
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/vsee/vseeid/login"
)

// The exit codes.
const (
	exitFailed = 1 // it was tried and did not work
	exitUsage  = 2 // a flag, an argument or a setting is wrong: nothing was tried
)

type commands struct {
	Serve   serveCmd   `cmd:"" help:"Serve the provider. All settings are checked before anything listens; a bad one ends the program with a sentence that says what to set."`
	Dev     devCmd     `cmd:"" help:"Try it on this machine: sample people, two demo apps and a mailbox, with nothing to install."`
	Migrate migrateCmd `cmd:"" help:"Bring the database to the schema of this program, or say where it is."`
	Client  clientCmd  `cmd:"" help:"Create, list, show, change and delete clients: the apps that send people here."`
	Org     orgCmd     `cmd:"" help:"Create, list, show, change and delete organizations, their policies and their members."`
	User    userCmd    `cmd:"" help:"Create, list, show, change, disable and delete people, and end their sessions."`
	Audit   auditCmd   `cmd:"" help:"What happened: the audit log."`
	Keys    keysCmd    `cmd:"" help:"Signing keys of tokens, and master keys of the stores."`

	Version kong.VersionFlag `help:"Say which version this is."`
}

// process is what a command has of the world.
type process struct {
	ctx context.Context
	in  io.Reader
	out io.Writer // what was asked for
	err io.Writer // logs and everything else
	now func() time.Time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal does not wait for anything
	code := run(process{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now}, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code.
func run(p process, args []string) int {
	var c commands
	exited, code := false, 0
	parser, err := kong.New(&c,
		kong.Name("vseeid"),
		kong.Description("An OpenID Provider: it signs people in with a password and the second factor that their organization demands, and tells apps the truth about it."),
		kong.Vars{"redis_forms": redisForms, "smtp_forms": smtpForms, "event_types": eventTypesText(), "version": "vseeid " + version()},
		kong.Writers(p.out, p.err),
		kong.Exit(func(c int) { exited, code = true, c }), // only --help and --version ask for it
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.TypeMapper(reflect.TypeFor[login.Duration](), kong.MapperFunc(durationFlag)),
		kong.TypeMapper(reflect.TypeFor[*login.Duration](), kong.MapperFunc(durationFlag)),
		kong.Bind(&p),
	)
	if err != nil {
		fmt.Fprintln(p.err, "vseeid:", err) // a mistake in the tags above
		return exitFailed
	}
	command, err := parser.Parse(args)
	if exited {
		return code
	}
	if err == nil {
		err = command.Run()
	}
	return report(p.err, err)
}

// report says in one line what went wrong, and with what code to exit.
func report(w io.Writer, err error) int {
	var (
		usage   *kong.ParseError
		setting settingError
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(w, "vseeid: %v; see --help\n", err)
		return exitUsage
	case errors.As(err, &setting):
		fmt.Fprintf(w, "vseeid: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(w, "vseeid: %s\n", scrub(err.Error()))
	return exitFailed
}

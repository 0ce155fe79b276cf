package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vsee/vseeid/storage/secret"
)

// settings are what every command that reads or writes the durable store is told. The help texts
// are the manual.
type settings struct {
	DatabaseURL     string `group:"Stores" env:"VSEEID_DATABASE_URL" placeholder:"URL" help:"The durable store: postgres://user:password@host/name (several hosts with target_session_attrs=read-write fail over), or sqlite:PATH for a single instance. Required."`
	DatabaseURLFile string `group:"Stores" env:"VSEEID_DATABASE_URL_FILE" placeholder:"FILE" help:"A file that holds the database URL, instead of the setting itself."`
	DatabaseConns   int    `group:"Stores" env:"VSEEID_DATABASE_CONNS" default:"16" placeholder:"N" help:"The most connections to PostgreSQL that this process opens, 1 to 1000. All instances together have to fit into its max_connections. Default ${default}."`
	MasterKeys      string `group:"Stores" env:"VSEEID_MASTER_KEYS" placeholder:"KEYS" help:"The keys that seal what the stores hold: base64 of 32 random bytes each, newest first, separated by commas. To rotate, put a new one in front and keep the old ones. 'vseeid keys new-master' prints one. Whoever loses them loses every authenticator app, client secret and session. Required."`
	MasterKeysFile  string `group:"Stores" env:"VSEEID_MASTER_KEYS_FILE" placeholder:"FILE" help:"A file that holds the master keys, instead of the setting itself."`
}

// check reads the settings that are files and says, in one sentence, what is wrong with the first
// bad one.
func (s *settings) check() (*secret.Keys, error) {
	if err := fromFile(&s.DatabaseURL, s.DatabaseURLFile, "VSEEID_DATABASE_URL"); err != nil {
		return nil, err
	}
	if err := fromFile(&s.MasterKeys, s.MasterKeysFile, "VSEEID_MASTER_KEYS"); err != nil {
		return nil, err
	}
	switch {
	case s.DatabaseURL == "":
		return nil, badSetting("VSEEID_DATABASE_URL is not set: set it to postgres://user:password@host/name, or to sqlite:PATH for a single instance")
	case !hasScheme(s.DatabaseURL, "postgres:", "postgresql:", "sqlite:"):
		return nil, badSetting("VSEEID_DATABASE_URL has to begin with postgres:// or sqlite:")
	case strings.HasPrefix(s.DatabaseURL, "sqlite::memory:"):
		return nil, badSetting("VSEEID_DATABASE_URL keeps nothing: set it to sqlite:PATH, with the path of a file")
	case s.DatabaseConns < 1 || s.DatabaseConns > 1000:
		return nil, badSetting("VSEEID_DATABASE_CONNS is %d: set it to a number from 1 to 1000", s.DatabaseConns)
	case s.MasterKeys == "":
		return nil, badSetting("VSEEID_MASTER_KEYS is not set: set it to what `vseeid keys new-master` prints, and keep that safe")
	}
	if err := refuseGuessable(s.MasterKeys); err != nil {
		return nil, err
	}
	keys, err := secret.Parse(s.MasterKeys)
	if err != nil {
		return nil, badSetting("VSEEID_MASTER_KEYS: %v: set it to what `vseeid keys new-master` prints", err)
	}
	return keys, nil
}

// refuseGuessable refuses master keys that nobody drew at random: a repeated byte, or a text. Of
// 32 random bytes not one in 10^16 is all printable.
func refuseGuessable(spec string) error {
	for i, f := range strings.FieldsFunc(spec, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		raw, err := base64.StdEncoding.DecodeString(f)
		if err != nil || len(raw) == 0 {
			continue // secret.Parse says so
		}
		repeated, text := true, true
		for _, b := range raw {
			repeated = repeated && b == raw[0]
			text = text && b >= ' ' && b <= '~'
		}
		if repeated || text {
			return badSetting("VSEEID_MASTER_KEYS: key %d was not drawn at random: use what `vseeid keys new-master` prints", i+1)
		}
	}
	return nil
}

// settingError is a setting that cannot be used. Its text says what to set instead.
type settingError string

func (e settingError) Error() string { return string(e) }

func badSetting(format string, args ...any) error {
	return settingError(fmt.Sprintf(format, args...))
}

// fromFile replaces value by what the file holds. Both forms of one setting at once are refused:
// nobody could say which of them counts.
func fromFile(value *string, file, name string) error {
	if file == "" {
		return nil
	}
	if *value != "" {
		return badSetting("%s and %s_FILE are both set: set one of them", name, name)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return badSetting("%s_FILE cannot be read: %v", name, reason(err))
	}
	if *value = strings.TrimSpace(string(b)); *value == "" {
		return badSetting("%s_FILE names %s, which is empty", name, file)
	}
	return nil
}

// reason is what went wrong with a file, with its name and without the name of the system call.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

func hasScheme(s string, schemes ...string) bool {
	for _, scheme := range schemes {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

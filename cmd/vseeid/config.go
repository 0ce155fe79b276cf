package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage/redisdb"
	"github.com/vsee/vseeid/storage/secret"
)

// config is every setting of `vseeid serve`. The help texts are the manual: what a setting says,
// and what it is when it is not given. Validate finds what is wrong before anything listens.
type config struct {
	Issuer         string   `group:"Addresses" env:"VSEEID_ISSUER" placeholder:"URL" help:"The address of this provider as browsers and apps see it: https://id.example.com, without path, query or slash at the end. It is the iss of every token, so changing it breaks every app. http is accepted for localhost and loopback addresses only. Requests for any other host get 421. Required."`
	Listen         string   `group:"Addresses" env:"VSEEID_LISTEN" default:":8080" placeholder:"ADDR" help:"Where to listen: host:port or :port; port 0 takes any free one. Default ${default}."`
	TLSCert        string   `group:"Addresses" name:"tls-cert" env:"VSEEID_TLS_CERT" placeholder:"FILE" help:"PEM certificate chain to serve TLS with; goes with --tls-key. Without it a proxy in front has to end TLS."`
	TLSKey         string   `group:"Addresses" name:"tls-key" env:"VSEEID_TLS_KEY" placeholder:"FILE" help:"PEM private key of --tls-cert."`
	TrustedProxies []string `group:"Addresses" env:"VSEEID_TRUSTED_PROXIES" placeholder:"CIDR" help:"Addresses or CIDRs of the proxies in front, separated by commas. From these alone X-Forwarded-For is believed, read from the right up to the first address that is not one of them. Default none: the client is whoever connects."`

	settings
	RedisURL     string `group:"Stores" env:"VSEEID_REDIS_URL" placeholder:"URL" help:"The short-lived store (sign-ins under way, codes, rate limits): ${redis_forms}. Or memory: for a single instance that forgets sign-ins under way when it stops. Required."`
	RedisURLFile string `group:"Stores" env:"VSEEID_REDIS_URL_FILE" placeholder:"FILE" help:"A file that holds the Redis URL, instead of the setting itself."`
	RedisPrefix  string `group:"Stores" env:"VSEEID_REDIS_PREFIX" default:"vseeid:" placeholder:"TEXT" help:"What every key in Redis begins with, for a Redis that others use too. Default ${default}."`

	passkeySettings

	BrandName   string `group:"Pages and mails" env:"VSEEID_BRAND_NAME" default:"VSee" placeholder:"TEXT" help:"The name that pages and mails show. Default ${default}."`
	BrandLogo   string `group:"Pages and mails" env:"VSEEID_BRAND_LOGO" placeholder:"FILE" help:"An image to show instead of the name in letters: SVG, PNG or WebP, 256 KiB at most. It is read once, at start."`
	BrandAccent string `group:"Pages and mails" env:"VSEEID_BRAND_ACCENT" placeholder:"#RRGGBB" help:"The colour of buttons and links; the pages darken or lighten it where it could not be read. Default: the colour of the pages."`
	Support     string `group:"Pages and mails" name:"support-address" env:"VSEEID_SUPPORT_ADDRESS" placeholder:"MAIL" help:"The mail address that mails name for questions. Default: none is named."`

	SMTPURL          string `group:"Pages and mails" name:"smtp-url" env:"VSEEID_SMTP_URL" placeholder:"URL" help:"The server that takes mails: ${smtp_forms}. Without it mails wait in the outbox, and the log warns of it at start."`
	SMTPPassword     string `group:"Pages and mails" name:"smtp-password" env:"VSEEID_SMTP_PASSWORD" placeholder:"TEXT" help:"The password of the user that --smtp-url names."`
	SMTPPasswordFile string `group:"Pages and mails" name:"smtp-password-file" env:"VSEEID_SMTP_PASSWORD_FILE" placeholder:"FILE" help:"A file that holds it, instead of the setting itself."`
	SMTPHelo         string `group:"Pages and mails" name:"smtp-helo" env:"VSEEID_SMTP_HELO" placeholder:"NAME" help:"The name given to the mail server in greeting. Default: the host of the issuer."`
	MailFrom         string `group:"Pages and mails" env:"VSEEID_MAIL_FROM" placeholder:"MAIL" help:"The sender of mails: no-reply@example.com, or a name and the address in angle brackets. Required with --smtp-url."`

	ArgonMemory     uint32        `group:"Limits" name:"argon2-memory" env:"VSEEID_ARGON2_MEMORY" default:"19456" placeholder:"KIB" help:"Memory of one password hash in KiB, 19456 to 262144. A change applies to each password when it is next used. Default ${default}."`
	ArgonTime       uint32        `group:"Limits" name:"argon2-time" env:"VSEEID_ARGON2_TIME" default:"2" placeholder:"N" help:"Passes over that memory, 2 to 16. Default ${default}."`
	ShutdownTimeout time.Duration `group:"Limits" env:"VSEEID_SHUTDOWN_TIMEOUT" default:"20s" placeholder:"TIME" help:"How long requests under way may take to finish after SIGTERM or SIGINT, 1s to 10m. Default ${default}."`
	DrainDelay      time.Duration `group:"Limits" env:"VSEEID_DRAIN_DELAY" default:"0s" placeholder:"TIME" help:"How long after the signal new requests are still taken while /readyz already fails, for a load balancer that has to notice, 0s to 1m. Default ${default}."`

	LogLevel  string `group:"Log" env:"VSEEID_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error. Default ${default}."`
	LogFormat string `group:"Log" env:"VSEEID_LOG_FORMAT" default:"json" placeholder:"FORMAT" help:"json or text, to standard error. No secret, token, code or query string is logged. Default ${default}."`
}

// resolved is what Validate made of the settings that are more than a text.
type resolved struct {
	issuer  *url.URL
	keys    *secret.Keys
	proxies []netip.Prefix
	logo    image
	passkey passkeyRules
	tls     *tls.Config // nil: plain HTTP
	level   slog.Level
}

// Check reads all settings and says, in one sentence, what is wrong with the first bad one and
// what to set instead. It opens files and nothing else.
func (c *config) check() (r resolved, err error) {
	if r.issuer, err = checkIssuer(c.Issuer); err != nil {
		return r, err
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || !isPort(port) {
		return r, badSetting("VSEEID_LISTEN is %q: set it to host:port or :port", c.Listen)
	}
	if r.tls, err = checkTLS(c.TLSCert, c.TLSKey); err != nil {
		return r, err
	}
	if r.proxies, err = checkProxies(c.TrustedProxies); err != nil {
		return r, err
	}
	if r.keys, err = c.settings.check(); err != nil {
		return r, err
	}
	if err := c.checkRedis(); err != nil {
		return r, err
	}
	if r.logo, err = readLogo(c.BrandLogo); err != nil {
		return r, err
	}
	if r.passkey, err = c.passkeySettings.check(r.issuer); err != nil {
		return r, err
	}
	for _, check := range []func() error{c.checkBrand, c.checkMail, c.checkLimits} {
		if err := check(); err != nil {
			return r, err
		}
	}
	r.level, err = checkLog(c.LogLevel, c.LogFormat)
	return r, err
}

func checkIssuer(s string) (*url.URL, error) {
	if s == "" {
		return nil, badSetting("VSEEID_ISSUER is not set: set it to the https:// address that browsers use for this provider")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return nil, badSetting("VSEEID_ISSUER is not an https address: set it to one like https://id.example.com")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, badSetting("VSEEID_ISSUER is http://%s: set it to an https address; http is for localhost only", u.Host)
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(s, "#"):
		return nil, badSetting("VSEEID_ISSUER has more than scheme, host and port: set it to %s://%s", u.Scheme, u.Host)
	case u.Host != strings.ToLower(u.Host):
		return nil, badSetting("VSEEID_ISSUER has capital letters in its host: set it to %s://%s", u.Scheme, strings.ToLower(u.Host))
	case hostPort(u.Scheme, u.Host) != u.Host:
		return nil, badSetting("VSEEID_ISSUER names the default port: set it to %s://%s", u.Scheme, hostPort(u.Scheme, u.Host))
	}
	return u, nil
}

// isLoopback reports whether host names this machine. "localhost" does in every browser.
func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && a.IsLoopback())
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 65535
}

func checkTLS(cert, key string) (*tls.Config, error) {
	if cert == "" && key == "" {
		return nil, nil //nolint:nilnil // no TLS is a valid answer
	}
	if cert == "" || key == "" {
		return nil, badSetting("VSEEID_TLS_CERT and VSEEID_TLS_KEY go together: set both or none")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, badSetting("VSEEID_TLS_CERT and VSEEID_TLS_KEY cannot be used: %v", reason(err))
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func checkProxies(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, addrErr := netip.ParseAddr(s)
			if addrErr != nil {
				return nil, badSetting("VSEEID_TRUSTED_PROXIES names %q: set it to addresses or CIDRs such as 10.0.0.0/8", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Bits() == 0 {
			return nil, badSetting("VSEEID_TRUSTED_PROXIES trusts every address (%s): name the proxies, or anybody can pretend to be any client", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (c *config) checkRedis() error {
	if err := fromFile(&c.RedisURL, c.RedisURLFile, "VSEEID_REDIS_URL"); err != nil {
		return err
	}
	switch {
	case c.RedisURL == "":
		return badSetting("VSEEID_REDIS_URL is not set: set it to redis://host:6379/0, or to memory: for a single instance")
	case c.RedisPrefix == "" || strings.ContainsAny(c.RedisPrefix, "{} \t\r\n"):
		return badSetting("VSEEID_REDIS_PREFIX is %q: set it to a word without spaces and braces", c.RedisPrefix)
	case c.RedisURL == memoryURL:
		return nil
	}
	if _, err := redisdb.ParseURL(c.RedisURL); err != nil {
		return badSetting("VSEEID_REDIS_URL cannot be used: %s", strings.TrimPrefix(err.Error(), "redis: "))
	}
	return nil
}

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (c *config) checkBrand() error {
	switch {
	case strings.TrimSpace(c.BrandName) == "" || len(c.BrandName) > 60:
		return badSetting("VSEEID_BRAND_NAME is %q: set it to a name of 1 to 60 characters", c.BrandName)
	case c.BrandAccent == "":
	case !hexColour.MatchString(c.BrandAccent):
		return badSetting("VSEEID_BRAND_ACCENT is %q: set it to a colour like #0b57d0", c.BrandAccent)
	}
	return checkSupport(c.Support)
}

func (c *config) checkMail() error {
	if err := fromFile(&c.SMTPPassword, c.SMTPPasswordFile, "VSEEID_SMTP_PASSWORD"); err != nil {
		return err
	}
	if c.SMTPURL == "" {
		return nil
	}
	u, err := url.Parse(c.SMTPURL)
	switch {
	case err != nil || u.Hostname() == "" || smtpSchemes[u.Scheme] == "":
		return badSetting("VSEEID_SMTP_URL cannot be read: set it to smtp://host:587 or smtps://host:465")
	case u.User.Username() == "" && c.SMTPPassword != "":
		return badSetting("VSEEID_SMTP_PASSWORD is set but VSEEID_SMTP_URL names no user: set it to smtp://user@host:587")
	case c.MailFrom == "":
		return badSetting("VSEEID_MAIL_FROM is not set: set it to the sender of mails, such as no-reply@example.com")
	}
	if _, err := mail.ParseAddress(c.MailFrom); err != nil {
		return badSetting("VSEEID_MAIL_FROM is %q: set it to a mail address, such as no-reply@example.com", c.MailFrom)
	}
	return nil
}

func (c *config) checkLimits() error {
	for _, b := range []struct {
		name             string
		value, low, high any
		ok               bool
	}{
		{"VSEEID_ARGON2_MEMORY", c.ArgonMemory, 19456, 1 << 18, c.ArgonMemory >= 19456 && c.ArgonMemory <= 1<<18},
		{"VSEEID_ARGON2_TIME", c.ArgonTime, 2, 16, c.ArgonTime >= 2 && c.ArgonTime <= 16},
		{"VSEEID_SHUTDOWN_TIMEOUT", c.ShutdownTimeout, "1s", "10m", c.ShutdownTimeout >= time.Second && c.ShutdownTimeout <= 10*time.Minute},
		{"VSEEID_DRAIN_DELAY", c.DrainDelay, "0s", "1m", c.DrainDelay >= 0 && c.DrainDelay <= time.Minute},
	} {
		if !b.ok {
			return badSetting("%s is %v: set it to a value from %v to %v", b.name, b.value, b.low, b.high)
		}
	}
	return nil
}

func checkLog(level, format string) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return l, badSetting("VSEEID_LOG_LEVEL is %q: set it to debug, info, warn or error", level)
	}
	if format != "json" && format != "text" {
		return l, badSetting("VSEEID_LOG_FORMAT is %q: set it to json or text", format)
	}
	return l, nil
}

// image is a picture of ours, read into memory.
type image struct {
	bytes []byte
	kind  string // media type; empty for none
}

const logoBytes = 256 << 10

func readLogo(path string) (image, error) {
	if path == "" {
		return image{}, nil
	}
	kinds := map[string]string{".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}
	kind := ""
	for suffix, k := range kinds {
		if strings.HasSuffix(strings.ToLower(path), suffix) {
			kind = k
		}
	}
	if kind == "" {
		return image{}, badSetting("VSEEID_BRAND_LOGO names %s: set it to a file that ends in .svg, .png or .webp", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return image{}, badSetting("VSEEID_BRAND_LOGO cannot be read: %v", reason(err))
	}
	if len(b) == 0 || len(b) > logoBytes {
		return image{}, badSetting("VSEEID_BRAND_LOGO has %d bytes: set it to an image of 256 KiB at most", len(b))
	}
	return image{bytes: b, kind: kind}, nil
}

// redisForms and smtpForms fill the help texts.
const (
	memoryURL  = "memory:"
	redisForms = "redis://user:password@host:6379/0, redis-sentinel://host,host/0?master=NAME or redis-cluster://host,host; rediss… for TLS"
	smtpForms  = "smtp://user@host:587, which has to offer STARTTLS; smtps://user@host:465; or smtp-plain://host:25, without TLS, for a mail server on this host or its network"
)

// smtpSchemes says which TLS a scheme of --smtp-url means.
var smtpSchemes = map[string]notice.TLS{"smtp": notice.StartTLS, "smtps": notice.Implicit, "smtp-plain": notice.Plain}

// String shows nothing of what a config holds: it has passwords in it.
func (c *config) String() string { return fmt.Sprintf("config of %s", c.Issuer) }

// checkSupport says what is wrong with the mail address that mails name, which may be empty.
func checkSupport(s string) error {
	if s == "" {
		return nil
	}
	if a, err := mail.ParseAddress(s); err != nil || a.Name != "" {
		return badSetting("VSEEID_SUPPORT_ADDRESS is %q: set it to a plain mail address", s)
	}
	return nil
}

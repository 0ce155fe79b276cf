package redisdb

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// ParseURL reads where Redis is from one string:
//
//	redis://user:password@host:6379/0
//	redis-sentinel://user:password@host:26379,host:26379/0?master=name
//	redis-cluster://user:password@host:6379,host:6379
//
// With rediss, rediss-sentinel or rediss-cluster every connection is TLS. User, password, port and
// database may be left out. The user and password are those of Redis; Sentinels that want some of
// their own get them by the parameters sentinel_username and sentinel_password. A character that
// means something in a URL is written with a percent sign, as in every URL.
//
// Its errors never quote the string, which may have a password.
func ParseURL(s string) (Config, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return Config{}, errors.New("redis: not a URL: it begins with redis://, redis-sentinel:// or redis-cluster://")
	}
	var c Config
	port := "6379"
	switch strings.Replace(scheme, "rediss", "redis", 1) {
	case "redis":
	case "redis-sentinel":
		port = "26379"
	case "redis-cluster":
		c.Cluster = true
	default:
		return Config{}, errors.New("redis: the URL has to begin with redis://, redis-sentinel:// or redis-cluster://, or with rediss for TLS")
	}
	if strings.HasPrefix(scheme, "rediss") {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}

	// net/url knows one host only: what is around the list of hosts is its, the list is ours.
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndex(rest[:end], "@") + 1
	u, err := url.Parse("redis://" + rest[:at] + "host" + rest[end:])
	if err != nil || u.Fragment != "" {
		return Config{}, errors.New("redis: the URL is not well formed; write special characters of a password as %XX")
	}
	if c.Addrs, err = addresses(rest[at:end], port); err != nil {
		return Config{}, err
	}
	c.Username = u.User.Username()
	c.Password, _ = u.User.Password()
	if db := strings.Trim(u.Path, "/"); db != "" {
		if c.DB, err = strconv.Atoi(db); err != nil || c.DB < 0 {
			return Config{}, errors.New("redis: the path of the URL is the number of the database")
		}
	}
	return c, c.parameters(strings.HasSuffix(scheme, "-sentinel"), u.RawQuery)
}

func addresses(list, port string) ([]string, error) {
	var out []string
	for _, a := range strings.Split(list, ",") {
		host, p, err := net.SplitHostPort(a)
		if err != nil { // no port
			host, p = strings.TrimSuffix(strings.TrimPrefix(a, "["), "]"), port
		}
		if n, err := strconv.Atoi(p); host == "" || strings.ContainsAny(host, " []@") || err != nil || n < 1 || n > 65535 {
			return nil, errors.New("redis: the URL has to name host:port, several with commas between them")
		}
		out = append(out, net.JoinHostPort(host, p))
	}
	return out, nil
}

func (c *Config) parameters(sentinel bool, raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("redis: the parameters of the URL are not well formed")
	}
	known := map[string]*string{}
	if sentinel {
		known["master"] = &c.MasterName
		known["sentinel_username"] = &c.SentinelUsername
		known["sentinel_password"] = &c.SentinelPassword
	}
	for name, values := range query {
		field, ok := known[name]
		if !ok || len(values) != 1 {
			return fmt.Errorf("redis: the URL has a parameter %q that means nothing here, or has it twice", name)
		}
		*field = values[0]
	}
	switch {
	case sentinel && c.MasterName == "":
		return errors.New("redis: a redis-sentinel:// URL has to say ?master=name")
	case !sentinel && !c.Cluster && len(c.Addrs) > 1:
		return errors.New("redis: several hosts are either redis-sentinel:// or redis-cluster://")
	case c.Cluster && c.DB != 0:
		return errors.New("redis: a Cluster has no database but 0")
	}
	return nil
}

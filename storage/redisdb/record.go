package redisdb

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
)

// meaning is part of every format. Raise it when a field of a stored type comes to mean something
// else without changing its name or its type.
const meaning = "1"

// The records, as they are before they are sealed.
var (
	transactions = formatOf[login.Transaction]("transaction")
	codes        = formatOf[op.Authorization]("code")
	grants       = formatOf[string]("grant")
	requests     = formatOf[[]byte]("request")
)

// format writes and reads records of one type: JSON behind a fingerprint of the type. Two releases
// whose types differ in any field do not read each other's records. They could guess what a
// missing field means; but a person who starts again is better off than one whose sign-in was
// guessed at.
type format[T any] struct {
	name        string
	fingerprint []byte
}

func formatOf[T any](name string) format[T] {
	sum := sha256.Sum256([]byte(meaning + shape(reflect.TypeFor[T]())))
	return format[T]{name: name, fingerprint: sum[:8]}
}

// seal encrypts v so that it opens only as a record of this name and id.
func (f format[T]) seal(k *secret.Keys, id string, v T) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	sealed, err := k.Seal(append(bytes.Clone(f.fingerprint), encoded...), f.beside(id))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return sealed, nil
}

// open is the inverse of seal. ErrNotFound: another release wrote it.
func (f format[T]) open(k *secret.Keys, id string, sealed []byte) (T, error) {
	var v T
	plain, err := k.Open(sealed, f.beside(id))
	if err != nil {
		return v, fmt.Errorf("%s: what Redis has does not open: %w", f.name, err)
	}
	encoded, same := bytes.CutPrefix(plain, f.fingerprint)
	if !same {
		return v, fmt.Errorf("%s: written by another release: %w", f.name, storage.ErrNotFound)
	}
	if err := json.Unmarshal(encoded, &v); err != nil {
		return v, fmt.Errorf("%s: %w", f.name, err)
	}
	return v, nil
}

func (f format[T]) beside(id string) string { return f.name + "\x00" + id }

// shape spells out how values of a type are written. No stored type contains itself.
func shape(t reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "time"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + shape(t.Elem())
	case reflect.Slice:
		return "[]" + shape(t.Elem())
	case reflect.Map:
		return "map[" + shape(t.Key()) + "]" + shape(t.Elem())
	case reflect.Struct:
		var b strings.Builder
		b.WriteString("{")
		for f := range t.Fields() {
			if f.Tag.Get("json") == "-" {
				continue // it is not written
			}
			fmt.Fprintf(&b, "%s %q %s;", f.Name, f.Tag.Get("json"), shape(f.Type))
		}
		return b.String() + "}"
	default:
		return t.Kind().String()
	}
}

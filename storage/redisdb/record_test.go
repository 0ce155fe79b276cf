package redisdb

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

// TestOtherRelease: a record is refused, as if it were lost, by a release whose type differs in
// any way from the one that wrote it.
func TestOtherRelease(t *testing.T) {
	type inner struct{ At time.Time }
	type now struct {
		Name   string
		MaxAge *time.Duration
		List   []inner
		Flag   bool
	}
	type sameAgain struct {
		Name   string
		MaxAge *time.Duration
		List   []inner
		Flag   bool
	}
	keys := newKeys(t)
	sealed, err := formatOf[now]("record").seal(keys, "id", now{Name: "n", Flag: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := formatOf[sameAgain]("record").open(keys, "id", sealed); err != nil || got.Name != "n" || !got.Flag {
		t.Errorf("the same type under another name: got %+v, %v", got, err)
	}

	type unwritten struct {
		Name   string
		MaxAge *time.Duration
		List   []inner
		Flag   bool
		Read   []byte `json:"-"`
	}
	if got, err := formatOf[unwritten]("record").open(keys, "id", sealed); err != nil || got.Name != "n" {
		t.Errorf("a field more that is not written: got %+v, %v", got, err)
	}

	for name, read := range map[string]func() error{
		"a field more": func() error {
			type other struct {
				Name   string
				MaxAge *time.Duration
				List   []inner
				Flag   bool
				Frozen bool
			}
			return second(formatOf[other]("record").open(keys, "id", sealed))
		},
		"a field less": func() error {
			type other struct {
				Name   string
				MaxAge *time.Duration
				List   []inner
			}
			return second(formatOf[other]("record").open(keys, "id", sealed))
		},
		"another type": func() error {
			type other struct {
				Name   string
				MaxAge *int32
				List   []inner
				Flag   bool
			}
			return second(formatOf[other]("record").open(keys, "id", sealed))
		},
		"a field that need not be there": func() error {
			type other struct {
				Name   string
				MaxAge time.Duration
				List   []inner
				Flag   bool
			}
			return second(formatOf[other]("record").open(keys, "id", sealed))
		},
		"another tag": func() error {
			type other struct {
				Name   string `json:"name"`
				MaxAge *time.Duration
				List   []inner
				Flag   bool
			}
			return second(formatOf[other]("record").open(keys, "id", sealed))
		},
		"a change further in": func() error {
			type inner struct {
				At time.Time
				By string
			}
			type other struct {
				Name   string
				MaxAge *time.Duration
				List   []inner
				Flag   bool
			}
			return second(formatOf[other]("record").open(keys, "id", sealed))
		},
		"a map": func() error { return second(formatOf[map[string]string]("record").open(keys, "id", sealed)) },
	} {
		if err := read(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: got error %v, want ErrNotFound", name, err)
		}
	}
}

// TestRecordsApart: a record opens as nothing but what it was sealed as.
func TestRecordsApart(t *testing.T) {
	keys := newKeys(t)
	sealed, err := codes.seal(keys, "id", op.Authorization{GrantID: "g"})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := codes.open(keys, "id", sealed); err != nil || a.GrantID != "g" {
		t.Errorf("got %+v, %v", a, err)
	}
	for name, err := range map[string]error{
		"another id":     second(codes.open(keys, "di", sealed)),
		"another kind":   second(transactions.open(keys, "id", sealed)),
		"a grant":        second(grants.open(keys, "id", sealed)),
		"other keys":     second(codes.open(newKeys(t), "id", sealed)),
		"a part of it":   second(codes.open(keys, "id", sealed[:len(sealed)-1])),
		"nothing at all": second(codes.open(keys, "id", nil)),
	} {
		if err == nil || errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: got error %v, want one that is not ErrNotFound", name, err)
		}
	}
}

// TestTimesThatCannotBeWritten: a record that would not come back is refused when it is written.
func TestTimesThatCannotBeWritten(t *testing.T) {
	tx := login.Transaction{ID: rand.Text(), Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := transactions.seal(newKeys(t), tx.ID, tx); err == nil {
		t.Error("a year of five digits was written")
	}
}

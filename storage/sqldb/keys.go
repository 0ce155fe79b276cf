package sqldb

import (
	"context"

	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage"
)

// SigningKeys implements keys.Store.
func (d *DB) SigningKeys(ctx context.Context) ([]keys.Key, error) {
	out, err := all(ctx, d.reader, func(r row) (k keys.Key, err error) {
		var sealed []byte
		err = r.Scan(&k.ID, &k.Algorithm, &sealed, &k.Generation,
			instant{&k.Created}, instant{&k.ActiveFrom}, instant{&k.Expires})
		if err != nil {
			return k, err
		}
		k.Private, err = d.keys.Open(sealed, "signing_key:"+k.ID)
		return k, err
	}, `SELECT id, algorithm, private, generation, created, active_from, expires FROM signing_keys
		ORDER BY algorithm, generation`)
	return out, d.fail(err, "signing keys")
}

// AddSigningKey implements keys.Store.
func (d *DB) AddSigningKey(ctx context.Context, k keys.Key, trail storage.Trail) error {
	sealed, err := d.keys.Seal(k.Private, "signing_key:"+k.ID)
	if err != nil {
		return d.fail(err, "add signing key")
	}
	_, err = d.change(ctx, trail, `
		INSERT INTO signing_keys (id, algorithm, private, generation, created, active_from, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		k.ID, k.Algorithm, sealed, k.Generation, when(k.Created), when(k.ActiveFrom), when(k.Expires))
	return d.fail(err, "add signing key")
}

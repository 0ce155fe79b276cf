package notice

import (
	"bytes"

	"github.com/vsee/vseeid/storage"
)

// Compose returns the message as it would go over the wire.
func Compose(m *Mailer, letter storage.Mail) (string, error) {
	msg, err := m.compose(letter)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	_, err = msg.WriteTo(&out)
	return out.String(), err
}

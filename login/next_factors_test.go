package login_test

import (
	"testing"

	"github.com/vsee/vseeid/factors"
)

func TestA05_A06_A07_A08_N09_N12_Passkeys(t *testing.T) {
	asked(t, []asking{
		{name: "A-05 a verified passkey is a first proof, and two factors", policy: "standard", enrolled: "passkey totp recovery", proved: "keyuv", want: "done"},
		{name: "A-06 a synced one too", policy: "strict", demand: demand{ACR: []string{"phr"}}, enrolled: "synced recovery", proved: "syncuv", want: "done"},
		{name: "A-07 one that was not verified is none", policy: "off", enrolled: "passkey", proved: "key", want: "prove password"},
		{name: "A-08 but counts beside a password", policy: "standard", enrolled: "passkey recovery", proved: "pwd key", want: "done"},
		{name: "a passkey that the policy does not allow is no first proof", policy: "standard only:totp", enrolled: "passkey totp", proved: "keyuv", want: "prove password"},
		{name: "nor is one that was removed", policy: "standard", enrolled: "totp", proved: "keyuv", want: "prove password"},
		{name: "T-07 nor another person's", policy: "standard", enrolled: "synced totp", proved: "keyuv", want: "prove password"},
		{name: "a first factor that is a passkey is asked for right after", policy: "standard", enrolled: "passkey!", proved: "pwd", want: "challenge passkey", with: "k1"},
		{name: "and the recovery code comes after that", policy: "standard", enrolled: "passkey!", proved: "pwd key", want: "offer recovery"},
		{name: "phrh asks for keys that cannot be copied", policy: "standard", demand: demand{ACR: []string{"phrh"}}, enrolled: "passkey synced usb totp", proved: "pwd", want: "challenge passkey", with: "k1 k3"},
		{name: "phrh is out of a synced one's reach", policy: "standard", demand: demand{ACR: []string{"phrh"}}, enrolled: "synced totp", proved: "pwd", want: unmet},
		{name: "phr takes any", policy: "standard", demand: demand{ACR: []string{"phr"}}, enrolled: "passkey synced totp", proved: "pwd totp", want: "challenge passkey", with: "k1 k2"},
		{name: "attested: the word of the key is not enough", policy: "standard attested", demand: demand{ACR: []string{"phrh", mfa}}, enrolled: "passkey recovery", proved: "keyuv", want: "done"},
		{name: "attested: nor is it asked for twice", policy: "standard attested", demand: demand{ACR: []string{"phrh"}}, enrolled: "passkey recovery", proved: "keyuv", want: unmet},
		{name: "attested: the maker's word is", policy: "standard attested", demand: demand{ACR: []string{"phrh"}}, enrolled: "passkey recovery", proved: "keyatt", want: "done"},
		{name: "attested: any passkey is phr", policy: "standard attested", demand: demand{ACR: []string{"phr"}}, enrolled: "passkey recovery", proved: "keyuv", want: "done"},
		{name: "a later proof that was less leaves the one that was more", policy: "standard", enrolled: "passkey recovery", borrowed: "keyuv-1h", proved: "key", want: "done"},
		{name: "P-16 prompt=login takes a passkey for everything", policy: "standard", demand: demand{Fresh: true}, enrolled: "passkey recovery", borrowed: "pwd totp", proved: "keyuv", want: "done"},
		{name: "again, by the security key that the session was proved with", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "usb totp", borrowed: "pwd usbuv", change: bySession, want: "prove passkey password", with: "k3"},
		{name: "again, and the key was in another browser", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "usb totp", borrowed: "pwd totp", change: bySession, want: "prove password"},
		{name: "again, where nothing but a passkey will do", policy: "standard", demand: demand{MaxAge: ago(0), ACR: []string{"phr"}}, enrolled: "usb totp", borrowed: "pwd totp", change: bySession, want: "prove passkey password", with: "k3"},
		{name: "again, where a passkey or a code will do", policy: "standard", demand: demand{MaxAge: ago(0), ACR: []string{"phr", mfa}}, enrolled: "usb totp", borrowed: "pwd totp", change: bySession, want: "prove password"},
		{name: "again, where nothing but a passkey is there, and the recovery code", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "usb recovery", borrowed: "pwd", change: bySession, want: "prove password"},
		{name: "again, by the password, which was chosen", policy: "standard", demand: demand{MaxAge: ago(0), ACR: []string{"phr"}}, enrolled: "usb", borrowed: "pwd", chosen: factors.Password, change: bySession, want: "prove password passkey"},
		{name: "again, where nothing but a passkey will do, in a browser that can use none", policy: "standard", demand: demand{MaxAge: ago(0), ACR: []string{"phr"}}, enrolled: "usb", borrowed: "pwd", can: "-", change: bySession, want: "prove password"},
		{name: "again, by the passkey that this browser knows", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "passkey synced totp", borrowed: "pwd totp", knows: "k2", change: bySession, want: "prove passkey password", with: "k2"},
		{name: "again, by the password after all", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", borrowed: "pwd totp", knows: "k1", chosen: factors.Password, change: bySession, want: "prove password passkey"},
		{name: "again, where no script runs", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", borrowed: "pwd totp", knows: "k1", can: "-", change: bySession, want: "prove password"},
		{name: "again, in another browser", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", borrowed: "pwd totp", knows: "k9", change: bySession, want: "prove password"},
		{name: "again, where the passkey is not allowed", policy: "standard only:totp", demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", borrowed: "pwd totp", knows: "k1", change: bySession, want: "prove password"},
		{name: "again, after a passkey that did not verify", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", proved: "key", knows: "k1", change: bySession, want: "prove password"},
		{name: "W-08 who was only named is not asked for a passkey", policy: "standard", enrolled: "passkey totp", knows: "k1", want: "prove password"},
	})
}

func TestT15_OrderOfAsking(t *testing.T) {
	asked(t, []asking{
		{name: "the passkey that this browser knows comes first", policy: "standard only:totp,passkey,email,recovery", enrolled: "passkey totp recovery", proved: "pwd", knows: "k1", want: "challenge passkey totp recovery"},
		{name: "whatever the person wishes", policy: "standard only:totp,passkey,email,recovery", enrolled: "passkey totp", proved: "pwd", knows: "k1", change: wishes(factors.TOTP), want: "challenge passkey totp"},
		{name: "one that it does not know comes after what can be typed", policy: "standard", enrolled: "passkey totp email recovery", proved: "pwd", want: "challenge totp email passkey recovery"},
		{name: "a synced one too", policy: "standard", enrolled: "synced totp email", proved: "pwd", want: "challenge totp email passkey"},
		{name: "a security key is carried around", policy: "standard", enrolled: "usb totp email", proved: "pwd", want: "challenge passkey totp email"},
		{name: "and comes where the policy puts it", policy: "standard only:totp,passkey,email,recovery", enrolled: "usb totp", proved: "pwd", want: "challenge totp passkey"},
		{name: "one security key is enough for that", policy: "standard", enrolled: "synced usb totp", proved: "pwd", want: "challenge passkey totp"},
		{name: "a wish before the policy's order", policy: "standard", enrolled: "totp email recovery", proved: "pwd", change: wishes(factors.Email), want: "challenge email totp recovery"},
		{name: "a wish for a passkey that is elsewhere", policy: "standard", enrolled: "synced totp", proved: "pwd", change: wishes(factors.Passkey), want: "challenge passkey totp"},
		{name: "a wish for the recovery code is none", policy: "standard", enrolled: "totp recovery", proved: "pwd", change: wishes(factors.Recovery), want: "challenge totp recovery"},
		{name: "a wish for what is not enough", policy: "standard", demand: demand{ACR: []string{aal2}}, enrolled: "totp email", proved: "pwd", change: wishes(factors.Email), want: "challenge totp"},
		{name: "chosen before all", policy: "standard", enrolled: "passkey totp email recovery", proved: "pwd", knows: "k1", chosen: factors.Email, change: wishes(factors.TOTP), want: "challenge email passkey totp recovery"},
		{name: "no script, no passkey", policy: "standard", enrolled: "passkey totp recovery", proved: "pwd", knows: "k1", can: "-", want: "challenge totp recovery", with: "t1 r1"},
		{name: "T-15 no script, chosen all the same", policy: "standard", enrolled: "passkey totp", proved: "pwd", can: "-", chosen: factors.Passkey, want: "challenge totp"},
		{name: "no script, and nothing else but the recovery code", policy: "standard", enrolled: "passkey recovery", proved: "pwd", can: "-", want: "challenge passkey recovery"},
		{name: "no script, and nothing else", policy: "strict", enrolled: "usb", proved: "pwd", can: "-", want: "challenge passkey"},
		{name: "set up in another way", policy: "standard", proved: "pwd", chosen: factors.Passkey, want: "enroll passkey totp"},
		{name: "set up where no script runs", policy: "standard", proved: "pwd", can: "-", want: "enroll totp"},
		{name: "set up where no script runs and only a passkey is allowed", policy: "standard only:passkey", proved: "pwd", can: "-", want: "enroll passkey"},
		{name: "the app first whatever the policy's order", policy: "strict", proved: "pwd", want: "enroll totp passkey"},
	})
}

func TestD1_T17_A04_N07_N17_Mailbox(t *testing.T) {
	asked(t, []asking{
		{name: "D1 a mail code beside a password", policy: "standard", enrolled: "totp email recovery", proved: "pwd email", want: "done"},
		{name: "D1 a mailbox is no factor that somebody set up", policy: "standard", enrolled: "email", proved: "pwd", want: "enroll totp passkey"},
		{name: "D1 nor does its code stand for one", policy: "standard", enrolled: "email", proved: "pwd email", want: "enroll totp passkey"},
		{name: "D1 nor is it asked for where the recovery code is left", policy: "standard", enrolled: "email recovery", proved: "pwd", want: "challenge recovery"},
		{name: "D1 optional and only a mailbox", policy: "optional", enrolled: "email", proved: "pwd", want: "done"},
		{name: "D1 where nothing else can be set up", policy: "standard only:email,recovery", enrolled: "email", proved: "pwd", want: "challenge email", with: "a@b.c"},
		{name: "D1 and its code counts there", policy: "standard only:email,recovery", enrolled: "email", proved: "pwd email", want: "done"},
		{name: "D1 who has a factor that is not allowed has the mailbox", policy: "standard only:passkey,email", enrolled: "totp email", proved: "pwd", want: "challenge email"},
		{name: "N-07 strict takes no mail code", policy: "strict", enrolled: "totp email", proved: "pwd email", want: "challenge totp"},
		{name: "D1 no aal2 by mail", policy: "standard", demand: demand{ACR: []string{aal2}}, enrolled: "totp email", proved: "pwd", want: "challenge totp"},
		{name: "the mailbox of before", policy: "standard", enrolled: "totp email", proved: "pwd oldmail", want: "challenge totp email"},
		{name: "an address that is not verified any more", policy: "standard", enrolled: "totp", proved: "pwd email", want: "challenge totp"},
		{name: "T-17 a password that the mailbox reset, and its code", policy: "standard", enrolled: "totp email", proved: "mailpwd email", want: "challenge totp"},
		{name: "T-17 is not asked for it", policy: "standard", enrolled: "totp email recovery", proved: "mailpwd", want: "challenge totp recovery"},
		{name: "T-17 is another factor beside the app", policy: "standard", enrolled: "totp email recovery", proved: "mailpwd totp", want: "done"},
		{name: "T-17 where there is only the mailbox", policy: "standard only:email", enrolled: "email", proved: "mailpwd", want: unmet + " stuck"},
	})
}

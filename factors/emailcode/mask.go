package emailcode

import "strings"

// Mask returns as much of a mail address as its owner needs to recognise it, and a stranger cannot
// do much with: "char*****@rive****". It shows at most four letters of each part and never half of
// one; the stars do not say how long a part is.
func Mask(address string) string {
	local, domain := address, ""
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		local, domain = address[:at], address[at+1:]
	}
	return head(local) + "*****@" + head(domain) + "****"
}

func head(part string) string {
	letters := []rune(part)
	return string(letters[:min(4, max(len(letters)-1, 0)/2)])
}

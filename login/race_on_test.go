//go:build race

package login_test

const underRace = true

package acl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Prepare makes the broker's directory ready for a start: it writes
// mosquitto.conf, and where the ACL and password file are not both there and
// valid, a pair that denies everything until the gateway applies a policy.
// Files of the running gateway are kept, so that a broker that starts again
// serves the same accounts at once. Call it while holding the lock.
func Prepare(dir string, conf []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the broker's directory: %w", err)
	}
	sweep(dir, time.Now())
	if err := ReplaceFile(dir, confName, conf); err != nil {
		return err
	}
	if usable(dir) == nil {
		return nil
	}
	f := denyAll()
	// The password file goes last: alone it would add rights to old rules.
	return errors.Join(ReplaceFile(dir, aclName, f.ACL), ReplaceFile(dir, passwdName, f.Passwd))
}

// denyAll lets anybody connect without a name and nobody do anything.
func denyAll() Files {
	return Files{
		ACL:    []byte("# Made by wattgate: nothing is allowed until the gateway has started.\ntopic deny #\ntopic deny " + canaryRoot + "\n"),
		Passwd: nil,
	}
}

// usable tells whether the files on disk parse, are readable by us alone, and
// keep the canary from anonymous clients, which a rendered pair always does.
func usable(dir string) error {
	aclFile, err := readRegular(filepath.Join(dir, aclName))
	if err != nil {
		return err
	}
	passwd, err := readRegular(filepath.Join(dir, passwdName))
	if err != nil {
		return err
	}
	rules, err := ParseACL(aclFile)
	if err != nil {
		return err
	}
	if _, err := ParsePasswd(passwd); err != nil {
		return err
	}
	if rules.MayRead("", "some-client", CanaryPaid) || rules.MayWrite("", "some-client", CanaryFree) {
		return errors.New("the ACL file lets anonymous clients at the canary")
	}
	return nil
}

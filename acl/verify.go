package acl

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Verify reads rendered files back with the strict parsers and refuses any
// difference from the policy: a line or entry too many, too few, or changed.
// It then asks the parsed rules what the policy promises, so that a mistake in
// the translation itself is found too.
func Verify(p Policy, probe Account, f Files) error {
	rules, err := ParseACL(f.ACL)
	if err != nil {
		return err
	}
	accounts, err := ParsePasswd(f.Passwd)
	if err != nil {
		return err
	}
	if err := sameRules(rules, rulesOf(p, probe)); err != nil {
		return fmt.Errorf("cannot use the ACL file: %w", err)
	}
	if err := sameAccounts(accounts, accountsOf(p, probe)); err != nil {
		return fmt.Errorf("cannot use the password file: %w", err)
	}
	return promises(p, probe, rules)
}

func sameRules(got, want Rules) error {
	switch {
	case !slices.Equal(got.Anonymous, want.Anonymous):
		return errors.New("its lines for anonymous clients are not those of the policy")
	case !slices.Equal(got.Patterns, want.Patterns):
		return errors.New("its patterns are not those of the policy")
	case !maps.EqualFunc(got.Users, want.Users, slices.Equal[[]Rule]):
		return errors.New("its user blocks are not those of the policy")
	}
	return nil
}

func sameAccounts(got, want []Account) error {
	if len(got) != len(want) {
		return fmt.Errorf("it holds %d accounts instead of %d", len(got), len(want))
	}
	for i := range got {
		if got[i].Name != want[i].Name || got[i].Entry != want[i].Entry {
			return fmt.Errorf("entry %d is not that of account %q", i+1, want[i].Name)
		}
	}
	return nil
}

// promises checks the sentences of Policy's doc comment against the rules.
func promises(p Policy, probe Account, r Rules) error {
	const stranger, id = "a-grant-without-block", "some-client"
	for _, t := range append([]string{CanaryPaid}, p.Paid...) {
		if r.MayRead("", id, t) || r.MayWrite("", id, t) {
			return fmt.Errorf("cannot use the ACL file: anonymous clients could reach %q", t)
		}
		if !r.MayRead(stranger, id, t) || !r.MayRead(probe.Name, id, t) || r.MayWrite(stranger, id, t) {
			return fmt.Errorf("cannot use the ACL file: grants could not read %q, or could write it", t)
		}
	}
	for _, t := range append([]string{CanaryFree}, p.Free...) {
		if !r.MayRead("", id, t) || !r.MayRead(stranger, id, t) {
			return fmt.Errorf("cannot use the ACL file: not everybody could read %q", t)
		}
		if r.MayWrite("", id, t) || r.MayWrite(stranger, id, t) {
			return fmt.Errorf("cannot use the ACL file: others than the gateway could write %q", t)
		}
	}
	for _, t := range p.Orders {
		if !r.MayWrite("", id, t) || r.MayRead("", id, t) {
			return fmt.Errorf("cannot use the ACL file: %q is not write-only for anonymous clients", t)
		}
	}
	if !r.MayWrite(p.Publisher.Name, id, CanaryPaid) || !r.MayWrite(p.Publisher.Name, id, CanaryFree) {
		return errors.New("cannot use the ACL file: the gateway could not send its canary")
	}
	return nil
}

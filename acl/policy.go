package acl

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// CanaryPaid and CanaryFree are the topics of canary and marker. Render adds
// them to every policy, by the same rules as Paid and Free.
const (
	CanaryPaid = "$canary/paid"
	CanaryFree = "$canary/free"
	canaryRoot = "$canary/#"
)

// Bounds of one policy. 100,000 accounts are what is measured; the topics of
// 200 plugs are about a thousand. Accounts with Reads of their own are few:
// Mosquitto 2.0 parses their blocks in quadratic time, 2,000 in about 50 ms.
const (
	maxAccounts     = 200_000
	maxTopics       = 4_096
	maxOwnReads     = 2_000
	maxReadsOfOne   = 256
	maxPrefixOfKind = 16
)

// Account is one line of the password file, and a user block of the ACL file
// if it may read more than every account may.
type Account struct {
	Name  string // 2 to 64 of a-z 0-9 _ -
	Entry Entry
	Reads []string // topics or filters beyond Policy.Paid and Policy.Free
}

// Policy says who may read and write what. Order and repetition within its
// lists mean nothing. Topics hold printable ASCII without % and wildcards;
// only Reads and Roots may be filters.
type Policy struct {
	Free      []string  // topics anyone may read
	Paid      []string  // topics every account in Grants may read, anonymous readers never
	Orders    []string  // topics anyone may write
	PerClient []string  // prefixes ending in /: a client reads <prefix><its client id>
	PerUser   []string  // prefixes ending in /: a user reads <prefix><its name>
	Publisher Account   // the gateway itself; Gate.Apply sets it
	Roots     []string  // filters the publisher may read and write
	Grants    []Account // who may read Paid
	Beside    string    // what else a reload brings into force, such as a certificate's fingerprint; gives no right
}

// Hash identifies what the policy means: order and repetition within its
// lists do not change it.
func (p Policy) Hash() [32]byte {
	h := sha256.New()
	for _, list := range [][]string{p.Free, p.Paid, p.Orders, p.PerClient, p.PerUser, p.Roots} {
		hashList(h, list)
	}
	hashList(h, []string{p.Beside})
	hashAccount(h, p.Publisher)
	grants := sortedAccounts(p.Grants)
	hashNumber(h, len(grants))
	for _, a := range grants {
		hashAccount(h, a)
	}
	return [32]byte(h.Sum(nil))
}

func hashAccount(h hash.Hash, a Account) {
	hashList(h, []string{a.Name})
	hashNumber(h, a.Entry.Iterations)
	h.Write(a.Entry.Salt[:])
	h.Write(a.Entry.Key[:])
	hashList(h, a.Reads)
}

func hashList(h hash.Hash, list []string) {
	list = sorted(list)
	hashNumber(h, len(list))
	for _, s := range list {
		hashNumber(h, len(s))
		h.Write([]byte(s))
	}
}

func hashNumber(h hash.Hash, n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

// sorted returns the list's distinct elements in order, never nil-sensitive,
// and leaves the list alone.
func sorted(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

func sortedAccounts(list []Account) []Account {
	return slices.SortedFunc(slices.Values(list), func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
}

// check refuses what cannot be rendered without changing its meaning, and
// rights that contradict each other.
func (p Policy) check(probe Account) error {
	if len(p.Grants) > maxAccounts {
		return fmt.Errorf("cannot render %d accounts: the limit is %d", len(p.Grants), maxAccounts)
	}
	for _, c := range []struct {
		list  []string
		max   int
		check func(string) error
	}{
		{p.Free, maxTopics, checkTopic},
		{p.Paid, maxTopics, checkTopic},
		{p.Orders, maxTopics, checkTopic},
		{p.PerClient, maxPrefixOfKind, checkPrefix},
		{p.PerUser, maxPrefixOfKind, checkPrefix},
		{p.Roots, maxTopics, checkFilter},
	} {
		if err := checkList(c.list, c.max, c.check); err != nil {
			return err
		}
	}
	if err := p.checkAccounts(probe); err != nil {
		return err
	}
	return p.checkConflicts()
}

func checkList(list []string, limit int, check func(string) error) error {
	if len(list) > limit {
		return fmt.Errorf("cannot render a list of %d topics: the limit is %d", len(list), limit)
	}
	for _, s := range list {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

func (p Policy) checkAccounts(probe Account) error {
	names := make(map[string]bool, len(p.Grants)+2)
	withReads := 0
	check := func(a Account) error {
		if err := checkName(a.Name); err != nil {
			return err
		}
		if names[a.Name] {
			return fmt.Errorf("cannot render the account %q twice: one of them would silently win", a.Name)
		}
		names[a.Name] = true
		if err := a.Entry.check(); err != nil {
			return fmt.Errorf("account %q: %w", a.Name, err)
		}
		if len(a.Reads) > 0 {
			withReads++
		}
		return checkList(a.Reads, maxReadsOfOne, checkFilter)
	}
	for _, a := range []Account{p.Publisher, probe} {
		if err := check(a); err != nil {
			return err
		}
	}
	for _, a := range p.Grants {
		if err := check(a); err != nil {
			return err
		}
		for _, r := range a.Reads {
			if strings.HasPrefix(r, "$") {
				return fmt.Errorf("cannot let %q read %s: topics that begin with $ are the gateway's own", a.Name, quote(r))
			}
		}
	}
	if withReads > maxOwnReads {
		return fmt.Errorf("cannot render %d accounts with topics of their own: the limit is %d", withReads, maxOwnReads)
	}
	return nil
}

// checkConflicts refuses a topic in two of Free, Paid and Orders, one below a
// prefix that a client chooses the rest of, and any but ours below $.
func (p Policy) checkConflicts() error {
	kind := map[string]string{}
	for _, c := range []struct {
		name string
		list []string
	}{{"free", p.Free}, {"paid", p.Paid}, {"order", p.Orders}} {
		for _, topic := range c.list {
			if strings.HasPrefix(topic, "$") {
				return fmt.Errorf("cannot use the topic %s: topics that begin with $ are the gateway's own", quote(topic))
			}
			if other, ok := kind[topic]; ok && other != c.name {
				return fmt.Errorf("cannot make the topic %s both %s and %s: choose one", quote(topic), other, c.name)
			}
			kind[topic] = c.name
			for _, prefix := range slices.Concat(p.PerClient, p.PerUser) {
				if strings.HasPrefix(topic, prefix) {
					return fmt.Errorf("cannot use the topic %s: a client could reach it through the prefix %s by its choice of name", quote(topic), quote(prefix))
				}
			}
		}
	}
	for _, prefix := range slices.Concat(p.PerClient, p.PerUser) {
		if strings.HasPrefix(prefix, "$") {
			return fmt.Errorf("cannot use the prefix %s: topics that begin with $ are the gateway's own", quote(prefix))
		}
	}
	return nil
}

//go:build !crashpoints

package cli

// crashStep is nil in every product: the steps of a credit and of an apply are not interrupted on purpose.
func crashStep() func(string) { return nil }

// Package driver holds the words in which a brand of plugs answers the fleet:
// where a plug lives, who it is and what its meter says. It never opens a
// connection and knows no brand.
//
// It stands apart from package devices only so that devices can list the
// brands and the brands can still name these types.
package driver

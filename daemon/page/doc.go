// Package page carries the built web page inside the binary. It knows nothing of what the page shows.
//
// The page is TypeScript in src; `npm ci && npm run build` bundles it into dist, which is embedded and not in git. Without
// Node.js the binary builds all the same and says that it has no page.
package page

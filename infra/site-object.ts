import { extname } from 'node:path'

/** Everything that the builds of `vite.config.ts` can leave in `dist/site`. */
const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
}

export interface SiteObject {
  key: string
  contentType: string
  cacheControl: string
}

/** How a file of `dist/site` is stored; `path` is relative and has forward slashes. */
export function siteObject(path: string): SiteObject {
  const contentType = CONTENT_TYPES[extname(path)]
  if (contentType === undefined) throw new Error(`${path} is of a kind that the site never serves`)
  return {
    key: path,
    contentType,
    // Asset names hold a hash of their content; a page must be asked for again after a deployment.
    cacheControl: path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** Scripts, styles and pictures that a page names, and what its scripts import at once. */
export function loadedFiles(siteDir: string, page: string): string[] {
  const assets = readdirSync(join(siteDir, 'assets'))
  const found = new Set<string>()
  const follow = (text: string) => {
    for (const [, named, imported] of text.matchAll(
      /(?:src|href)="\/assets\/([^"]+)"|(?:from|import)\s*"\.\/([^"]+\.js)"/g,
    )) {
      const asset = named ?? imported
      if (asset === undefined || !assets.includes(asset) || found.has(asset)) continue
      found.add(asset)
      if (asset.endsWith('.js')) follow(readFileSync(join(siteDir, 'assets', asset), 'utf8'))
    }
  }
  follow(readFileSync(join(siteDir, page), 'utf8'))
  return [...found].map((asset) => join(siteDir, 'assets', asset))
}

export function gzipBytes(file: string): number {
  return gzipSync(readFileSync(file), { level: 9 }).length
}

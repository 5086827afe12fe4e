/**
 * The two pages, one build each: `--mode dashboard` makes `index.html`, `--mode portal` makes
 * `portal.html`. Scripts and styles are files under `/assets/`: the pages' content security policy
 * refuses inline ones.
 */
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const root = import.meta.dirname

export default defineConfig(({ mode }) => {
  // Other tools load this file too and bring a mode of their own: Vitest `test`, knip none.
  if (mode !== 'dashboard' && mode !== 'portal') return {}
  return {
    root: join(root, 'web', mode),
    base: '/',
    // Both pages are built into one folder and neither brings loose files.
    publicDir: false,
    cacheDir: join(root, 'node_modules', '.vite', mode),
    plugins: mode === 'dashboard' ? [react()] : [namedPortal()],
    ...(mode === 'portal'
      ? { oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } as const } }
      : {}),
    build: {
      outDir: join(root, 'dist', 'site'),
      emptyOutDir: false,
      assetsDir: 'assets',
      // data: URLs would need holes in the content security policy.
      assetsInlineLimit: 0,
      target: 'es2022',
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  }
})

/** CloudFront serves one bucket, where `index.html` is the dashboard. */
function namedPortal(): Plugin {
  return {
    name: 'portage-portal-page',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const page = bundle['index.html']
        if (page === undefined) throw new Error('The portal page was not built')
        page.fileName = 'portal.html'
      },
    },
  }
}

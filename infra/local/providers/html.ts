/** Pages of the emulators: plain, without script, and every text escaped. */

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem; }
main.narrow { margin: 6vh auto; max-width: 26rem; border: 1px solid #8884; border-radius: 12px; padding: 1.5rem 2rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8883; vertical-align: top; }
td.number { text-align: right; white-space: nowrap; } td.path { overflow-wrap: anywhere; } code { font-size: .8rem; overflow-wrap: anywhere; }
label { display: block; margin: .5rem 0; } fieldset { border: 1px solid #8884; border-radius: 8px; margin: 1rem 0; }
select, button { font: inherit; padding: .5rem .8rem; border-radius: 8px; border: 1px solid #888; } select { width: 100%; }
button { cursor: pointer; margin: .5rem .5rem 0 0; } button.primary { background: #1a5fd0; border-color: #1a5fd0; color: #fff; }
.quiet { color: GrayText; } .trashed { text-decoration: line-through; }`

/** A whole page; `body` is HTML whose texts are escaped already. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`
}

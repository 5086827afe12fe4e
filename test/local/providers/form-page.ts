/** The one form of a page of an emulator, as a simple HTTP client reads it. */

interface FormPage {
  action: URL
  /** Hidden inputs and checked checkboxes, as a browser would send them. */
  fields: URLSearchParams
  scopes: string[]
  html: string
}

/** Reads the one form of a page as a simple HTTP client would. */
export function readForm(html: string, pageUrl: string): FormPage {
  const forms = [...html.matchAll(/<form [^>]*>/g)]
  const form = forms[0]?.[0] ?? ''
  if (forms.length !== 1 || !form.includes('method="post"')) throw new Error('no single post form')
  const fields = new URLSearchParams()
  const scopes: string[] = []
  for (const [tag] of html.matchAll(/<input [^>]*>/g)) {
    const name = attribute(tag, 'name')
    const value = attribute(tag, 'value')
    if (attribute(tag, 'type') === 'hidden') fields.append(name, value)
    else if (name === 'scope' && tag.includes('checked')) scopes.push(value)
  }
  return { action: new URL(attribute(form, 'action'), pageUrl), fields, scopes, html }
}

function attribute(tag: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
  const entities = { quot: '"', '#39': "'", lt: '<', gt: '>', amp: '&' }
  return Object.entries(entities).reduce((text, [entity, character]) => {
    return text.replaceAll(`&${entity};`, character)
  }, value)
}

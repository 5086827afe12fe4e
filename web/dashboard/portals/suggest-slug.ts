const SLUG_MIN_LENGTH = 3
const SLUG_MAX_LENGTH = 63

/** Letters that Unicode does not take apart into a base letter and an accent. */
const SPELLED_OUT: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
}

/** A link made of a portal's name; empty when the name has nothing that a link may hold. */
export function suggestSlug(name: string): string {
  const words = name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[ßæœøłđðþı]/g, (letter) => SPELLED_OUT[letter] ?? '')
    .replace(/['’]/g, '')
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
  const slug = words.join('-').slice(0, SLUG_MAX_LENGTH).replace(/-+$/, '')
  return slug !== '' && slug.length < SLUG_MIN_LENGTH ? `${slug}-files` : slug
}

/** What is wrong with a link as it is typed; the API has the last word, and knows which are taken. */
export function slugProblem(slug: string): string | null {
  if (slug.length < SLUG_MIN_LENGTH) return `Use at least ${SLUG_MIN_LENGTH} characters.`
  if (slug.length > SLUG_MAX_LENGTH) return `Use at most ${SLUG_MAX_LENGTH} characters.`
  return /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(slug)
    ? null
    : 'Use lower-case letters, digits and single hyphens between them.'
}

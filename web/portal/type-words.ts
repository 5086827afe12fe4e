/** Kinds of files as people call them, from what the `accept` attribute calls them. */
const WORDS: Record<string, string> = {
  'image/*': 'images',
  'video/*': 'videos',
  'audio/*': 'audio',
  'text/*': 'text files',
  'image/svg+xml': 'SVG',
  'text/plain': 'TXT',
  'application/msword': 'DOC',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'DOCX',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'XLSX',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'PPTX',
}

/** `.pdf` and `application/pdf` are one kind. */
export function typeWords(allowedTypes: readonly string[]): string[] {
  return [...new Set(allowedTypes.map(wordOf))]
}

function wordOf(allowed: string): string {
  const short = /^(?:\.|\w+\/)([a-z0-9]{1,5})$/.exec(allowed)?.[1]
  return WORDS[allowed] ?? short?.toUpperCase() ?? allowed
}

/** The pages speak English; of its flavours the reader's own, for dates and numbers. */
export const LOCALE = navigator.languages.find((language) => /^en\b/i.test(language)) ?? 'en-GB'

/**
 * Stands in for `google-auth-library` and `node-fetch` in bundles. googleapis loads them, but it is
 * always given an access token and the runtime's own `fetch`, so our calls never reach them; they
 * would be a third of a worker's size.
 */
/** googleapis-common extends it when it is loaded. */
export class GoogleAuth {}

const runtimeFetch = globalThis.fetch

export { runtimeFetch as default }

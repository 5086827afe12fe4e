/**
 * One visit of one portal: what the server last said of it, and the token that the right password
 * gave. The token stays in this tab: in memory, and where the browser allows it over a reload.
 */
import type { OpenPortalReply, PublicPortalReply } from '../../shared/contract/portals.ts'
import type { PortalApi } from './upload/portal-api.ts'

interface PortalVisitDeps {
  api: Pick<PortalApi, 'findPortal' | 'verifyPassword'>
  /** Of the tab; some private windows have none. */
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | undefined
}

export class PortalVisit {
  readonly slug: string
  readonly #deps: PortalVisitDeps
  #token: string | undefined
  #portal: OpenPortalReply | undefined

  constructor(slug: string, deps: PortalVisitDeps) {
    this.slug = slug
    this.#deps = deps
    this.#token = deps.storage?.getItem(this.#key) ?? undefined
  }

  /** What the right password gave, to be sent with every announcement. */
  get token(): string | undefined {
    return this.#token
  }

  /** As the server last showed it; undefined until it is open. */
  get portal(): OpenPortalReply | undefined {
    return this.#portal
  }

  /** Asks how the portal is now. */
  async look(): Promise<PublicPortalReply> {
    const token = this.#token
    const portal = await this.#deps.api.findPortal(this.slug, token)
    if (isOpen(portal)) this.#portal = portal
    else if (this.#token === token) this.#keep(undefined)
    return portal
  }

  /** Exchanges the password for an hour in which the portal is open. */
  async unlock(password: string): Promise<void> {
    const { token } = await this.#deps.api.verifyPassword(this.slug, password)
    this.#keep(token)
  }

  #keep(token: string | undefined): void {
    this.#token = token
    try {
      if (token === undefined) this.#deps.storage?.removeItem(this.#key)
      else this.#deps.storage?.setItem(this.#key, token)
    } catch {
      // A full store costs the client the password once more after a reload.
    }
  }

  get #key(): string {
    return `portage:${this.slug}`
  }
}

/** Before the password nothing but the name is known. */
export function isOpen(portal: PublicPortalReply): portal is OpenPortalReply {
  return 'acceptsUploads' in portal
}

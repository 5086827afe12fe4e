/** The provider emulators of this machine, by the id under which people consent. */
import type { OauthProviderId } from '../../../shared/providers/providers.ts'
import { createDropboxEmulator } from './dropbox/dropbox-emulator.ts'
import { newDropboxClient } from './dropbox/tokens.ts'
import type { EmulatorKind } from './emulator.ts'
import { createGoogleEmulator } from './google/google-emulator.ts'
import { newGoogleClient } from './google/tokens.ts'

export const EMULATORS: Record<OauthProviderId, EmulatorKind> = {
  google: { create: createGoogleEmulator, newClient: newGoogleClient },
  dropbox: { create: createDropboxEmulator, newClient: newDropboxClient },
}

/** The provider emulators of this machine by OAuth id, in the order of their ports. */
import { createDropboxEmulator, newDropboxClient } from './dropbox/dropbox-emulator.ts'
import type { EmulatorKind } from './emulator.ts'
import { createGoogleEmulator, newGoogleClient } from './google/google-emulator.ts'

export const EMULATORS = {
  google: { create: createGoogleEmulator, newClient: newGoogleClient },
  dropbox: { create: createDropboxEmulator, newClient: newDropboxClient },
} as const satisfies Record<string, EmulatorKind>

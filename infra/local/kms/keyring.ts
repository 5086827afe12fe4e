import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { AwsError, LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import {
  type EncryptionContext,
  invalidCiphertext,
  keyIdOfBlob,
  openBlob,
  sealBlob,
} from './ciphertext-blob.ts'
import type { KeyStore, StoredKey } from './key-store.ts'

const DAY_MS = 86_400_000
const ARN_PREFIX = `arn:aws:kms:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:`

/** Keys by whatever names them, at the time of the clock: rotated when due, gone when deleted. */
export class Keyring {
  readonly store: KeyStore
  readonly clock: Clock

  constructor(store: KeyStore, clock: Clock) {
    this.store = store
    this.clock = clock
  }

  /** By key id, key ARN, alias name or alias ARN. */
  find(keyId: string): StoredKey {
    if (keyId === '') throw invalid('The KeyId must not be empty.')
    if (keyId.startsWith('arn:') && !keyId.startsWith(ARN_PREFIX)) {
      throw new AwsError('NotFoundException', `Invalid arn ${keyId}`)
    }
    const name = keyId.startsWith('arn:') ? keyId.slice(ARN_PREFIX.length) : keyId
    if (name.startsWith('alias/')) {
      const id = this.store.aliases().get(name) ?? this.#awsManaged(name)
      const key = id === undefined ? undefined : this.#present(id)
      if (key !== undefined) return key
      throw new AwsError('NotFoundException', `Alias ${aliasArn(name)} is not found.`)
    }
    const id = name.replace(/^key\//, '')
    const key = this.#present(id)
    if (key !== undefined) return key
    throw new AwsError('NotFoundException', `Key '${keyArn(id)}' does not exist`)
  }

  /** A key that may seal and open now. */
  findUsable(keyId: string): StoredKey {
    const key = this.find(keyId)
    if (key.life.state === 'Disabled') {
      throw new AwsError('DisabledException', `${keyArn(key.id)} is disabled.`)
    }
    checkNotPending(key)
    return key
  }

  /** The key that the blob itself names. */
  findByBlob(blob: Buffer): StoredKey {
    const id = keyIdOfBlob(blob)
    if (this.#present(id) === undefined) throw invalidCiphertext()
    return this.find(id)
  }

  seal(keyId: string, plaintext: Uint8Array, context: EncryptionContext): Buffer {
    const key = this.findUsable(keyId)
    this.#rotateWhenDue(key)
    return sealBlob(key.id, key.materials, plaintext, context)
  }

  open(blob: Buffer, context: EncryptionContext): Buffer {
    const key = this.findUsable(this.findByBlob(blob).id)
    return openBlob(key.materials, blob, context)
  }

  /** Present keys; those whose waiting period is over are gone. */
  all(): StoredKey[] {
    return this.store.all().filter(({ id }) => this.#present(id) !== undefined)
  }

  nextRotationMs({ life }: StoredKey): number | undefined {
    const { rotationDays, rotationFromMs } = life
    if (rotationDays === undefined || rotationFromMs === undefined) return undefined
    return rotationFromMs + rotationDays * DAY_MS
  }

  #present(id: string): StoredKey | undefined {
    const key = this.store.find(id)
    if (key === undefined) return undefined
    const { deletionMs } = key.life
    if (deletionMs === undefined || this.clock.now() < deletionMs) return key
    this.store.remove(key)
    return undefined
  }

  #rotateWhenDue(key: StoredKey): void {
    for (;;) {
      const rotatedMs = this.nextRotationMs(key)
      if (rotatedMs === undefined || this.clock.now() < rotatedMs) return
      this.store.rotate(key, { type: 'AUTOMATIC', rotatedMs })
      this.store.saveLife(key, { ...key.life, rotationFromMs: rotatedMs })
    }
  }

  /** "AWS managed keys are KMS keys in your account that are created on your behalf", on first use. */
  #awsManaged(alias: string): string | undefined {
    if (alias !== SSM_ALIAS) return undefined
    const { id } = this.store.save(
      randomUUID(),
      'Default key that protects my SSM parameters when no other key is defined',
      undefined,
      this.clock.now(),
    )
    this.store.saveAlias(alias, id)
    return id
  }
}

export const SSM_ALIAS = 'alias/aws/ssm'

export function keyArn(keyId: string): string {
  return `${ARN_PREFIX}key/${keyId}`
}

export function aliasArn(name: string): string {
  return `${ARN_PREFIX}${name}`
}

export function checkNotPending(key: StoredKey): void {
  if (key.life.state === 'PendingDeletion') {
    throw new AwsError('KMSInvalidStateException', `${keyArn(key.id)} is pending deletion.`)
  }
}

export function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message)
}

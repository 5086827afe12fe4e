/**
 * Our digests of a staged file. One that will end within this slice is hashed natively, in one go;
 * a state that can be saved costs four times as much, so it is kept only for a file that slices
 * will cut, or that a worker has left behind. Whatever is to be hashed without being sent is hashed
 * in steps and goes on in the next slice, so that a file of any size ends.
 */
import {
  createFileDigests,
  DigestStateError,
  type Digests,
  type FileDigests,
  type MoreDigests,
  type ResumableFileDigests,
} from '../providers/content-hash.ts'
import { factsOf } from '../providers/providers.ts'
import type { Delivery } from './delivery.ts'
import { mustBeMine, type SendDeps, type Sending, type SendJob, SliceOver } from './send-job.ts'

/** 40 MB/s, which a provider usually takes; a file that it takes slower is hashed once more. */
const ONE_GO_BYTES_PER_MS = 40_000
/** Chunks' worth of bytes that are hashed before the state is saved: two seconds of hashing. */
const STEP_CHUNKS = 8

/** The digests with which sending begins or goes on. */
export async function digestsToSend(deps: SendDeps, job: Sending): Promise<FileDigests> {
  const { delivery, sliceEndsMs } = job
  const isBegun = delivery.sealedSession !== undefined
  const oneGoBytes = (sliceEndsMs - deps.clock.now()) * ONE_GO_BYTES_PER_MS
  return !isBegun && delivery.sizeBytes <= oneGoBytes
    ? createFileDigests({ resumable: false, ...digestsFor(job) })
    : savedDigests(delivery, digestsFor(job))
}

/** The digests of the whole file, where what has sent it left none of them, or not the right ones. */
export async function hashStaged(
  deps: SendDeps,
  job: Sending,
  { md5 }: { md5: boolean },
): Promise<Digests> {
  return hashToEnd(deps, job, await savedDigests(job.delivery, { ...digestsFor(job), md5 }))
}

/** What the provider proves a file by; more would cost a third of a large file's time. */
export function digestsFor({ provider }: Pick<SendJob, 'provider'>): MoreDigests {
  return { sha256: factsOf(provider.id).provesBy === 'sha256' }
}

export async function hashToEnd(
  deps: SendDeps,
  job: Sending,
  digests: FileDigests,
): Promise<Digests> {
  await hashUpTo(deps, job, digests, job.delivery.sizeBytes)
  return digests.digest()
}

/** Brings the digests to `endBytes`, or ends the slice when its time is over. */
export async function hashUpTo(
  deps: SendDeps,
  job: Sending,
  digests: FileDigests,
  endBytes: number,
): Promise<void> {
  const stepBytes = STEP_CHUNKS * job.provider.chunkBytes
  while (digests.offsetBytes < endBytes) {
    const stepEndBytes = Math.min(endBytes, digests.offsetBytes + stepBytes)
    for await (const piece of job.staged.read(digests.offsetBytes, stepEndBytes)) {
      digests.update(piece)
    }
    if (stepEndBytes === endBytes) return
    await saveIfResumable(deps, job, digests)
    if (deps.clock.now() >= job.sliceEndsMs) throw new SliceOver()
  }
}

export async function saveIfResumable(
  deps: SendDeps,
  { delivery }: Sending,
  digests: FileDigests,
): Promise<void> {
  if (!isResumable(digests)) return
  const state = digests.save()
  mustBeMine(await deps.deliveries.saveProgress(delivery, digests.offsetBytes, state))
  delivery.digests = state
}

function isResumable(digests: FileDigests): digests is ResumableFileDigests {
  return 'save' in digests
}

async function savedDigests(
  { digests: state }: Delivery,
  more: MoreDigests,
): Promise<ResumableFileDigests> {
  try {
    return await createFileDigests({ resumable: true, ...more, state })
  } catch (error) {
    if (!(error instanceof DigestStateError)) throw error
    // Saved by another version of the code, or of other hashes: the file is hashed from its first byte.
    return createFileDigests({ resumable: true, ...more })
  }
}

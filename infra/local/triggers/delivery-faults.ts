/** Misbehaviour that queues, buses and streams allow themselves, on demand; as the bucket's `eventFaults`. */
export interface DeliveryFaults {
  /** So many of the next deliveries happen twice. */
  duplicateNext: number
  /** So many of the next deliveries are lost. */
  dropNext: number
  /** Holds each delivery back for so long by the clock. */
  delayMs: number
}

export const noFaults = (): DeliveryFaults => ({ duplicateNext: 0, dropNext: 0, delayMs: 0 })

/** What happens to the next delivery; each call uses up one. */
export function takeFault(faults: DeliveryFaults): 'drop' | 'duplicate' | 'none' {
  if (faults.dropNext > 0) {
    faults.dropNext--
    return 'drop'
  }
  if (faults.duplicateNext > 0) {
    faults.duplicateNext--
    return 'duplicate'
  }
  return 'none'
}

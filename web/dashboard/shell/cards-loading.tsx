import { Skeleton } from '@mantine/core'

export function CardsLoading() {
  return (
    <div className="cards" role="status" aria-label="Loading">
      <Skeleton height={180} radius="md" />
      <Skeleton height={180} radius="md" />
    </div>
  )
}

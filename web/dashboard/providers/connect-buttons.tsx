import { Button } from '@mantine/core'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { connectPath } from '../api/client.ts'
import { STORAGE_MARKS } from './provider-mark.tsx'
import { PROVIDERS } from './providers.ts'

/** One way to each provider; a further account is connected in the same way as the first. */
export function ConnectButtons({ returnTo }: { returnTo: string }) {
  return (
    <ul className="connect-buttons" aria-label="Connect storage">
      {PROVIDERS.map(({ id, storageProvider }) => (
        <li key={id}>
          <Button
            component="a"
            href={connectPath(returnTo, id)}
            variant="default"
            leftSection={STORAGE_MARKS[storageProvider]}
          >
            Connect {PROVIDER_NAMES[storageProvider]}
          </Button>
        </li>
      ))}
    </ul>
  )
}

import { Button } from '@mantine/core'
import { connectPath } from '../api/client.ts'
import { useOfferedProviders } from './offered-providers.ts'
import { ProviderMark } from './provider-mark.tsx'

/** One way to each provider; a further account is connected in the same way as the first. */
export function ConnectButtons({ returnTo }: { returnTo: string }) {
  const providers = useOfferedProviders()
  return (
    <ul className="connect-buttons" aria-label="Connect storage">
      {providers.map(({ id, storageProvider, name }) => (
        <li key={id}>
          <Button
            component="a"
            href={connectPath(returnTo, id)}
            variant="default"
            leftSection={<ProviderMark id={storageProvider} />}
          >
            Connect {name}
          </Button>
        </li>
      ))}
    </ul>
  )
}

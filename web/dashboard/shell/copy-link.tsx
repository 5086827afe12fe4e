import { Button, CopyButton } from '@mantine/core'
import { CheckIcon, CopyIcon } from './icons.tsx'

/** Copies a link and says so, also to a screen reader. */
export function CopyLink({ url, of }: { url: string; of: string }) {
  return (
    <CopyButton value={url} timeout={2500}>
      {({ copied, copy }) => (
        <Button
          size="xs"
          variant={copied ? 'filled' : 'default'}
          onClick={copy}
          leftSection={copied ? <CheckIcon /> : <CopyIcon />}
        >
          <span aria-live="polite">{copied ? 'Copied' : 'Copy link'}</span>
          <span className="visually-hidden"> of {of}</span>
        </Button>
      )}
    </CopyButton>
  )
}

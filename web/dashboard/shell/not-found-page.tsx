import { Anchor, Text } from '@mantine/core'
import { Link } from 'react-router'
import { Page } from './page.tsx'

export function NotFoundPage() {
  return (
    <Page title="There is nothing here">
      <Text>
        The address may be mistyped.{' '}
        <Anchor component={Link} to="/" underline="always">
          Go to the overview
        </Anchor>
      </Text>
    </Page>
  )
}

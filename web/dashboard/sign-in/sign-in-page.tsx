import { Button, Paper, Title } from '@mantine/core'
import { useEffect } from 'react'
import { Navigate, useSearchParams } from 'react-router'
import { signInPath } from '../api/client.ts'
import { useSession } from '../api/session.ts'
import { anyOf, useOfferedProviders } from '../providers/offered-providers.ts'
import { ProviderMark } from '../providers/provider-mark.tsx'
import { Brand } from '../shell/brand.tsx'
import { Notice } from '../shell/notice.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { localPath, signInNotice } from './sign-in-notice.ts'

export function SignInPage() {
  const [query] = useSearchParams()
  const session = useSession()
  const providers = useOfferedProviders()
  const returnTo = localPath(query.get('returnTo'))
  const notice = signInNotice(query.get('error'))
  useEffect(() => {
    document.title = 'Sign in · Portage'
  }, [])
  if (session.data) return <Navigate to={returnTo} replace />
  return (
    <main className="sign-in">
      <Paper className="sign-in-card" p="xl" radius="lg">
        <Brand />
        <Title order={1} mt="lg">
          Files from your clients, straight into your own cloud
        </Title>
        <p className="page-lead">
          You share a link. Your clients hand over their files without an account. Portage carries
          every file into your {anyOf(providers)} and proves that it arrived whole.
        </p>
        {notice && (
          <Notice tone="danger" title={notice.title}>
            {notice.detail}
          </Notice>
        )}
        {session.isError && <ProblemNotice error={session.error} onRetry={session.refetch} />}
        {providers.map(({ id, signInName }) => (
          <Button
            key={id}
            component="a"
            href={signInPath(returnTo, id)}
            size="lg"
            fullWidth
            variant="default"
            leftSection={<ProviderMark id={id} />}
            mt="md"
          >
            Sign in with {signInName}
          </Button>
        ))}
        <p className="small-print">
          Signing in tells us your name and e-mail address, nothing else. You connect storage in a
          step of its own.
        </p>
      </Paper>
    </main>
  )
}

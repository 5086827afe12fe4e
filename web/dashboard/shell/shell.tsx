import { Avatar, Loader } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Suspense } from 'react'
import { Link, Navigate, NavLink, Outlet, useLocation } from 'react-router'
import type { SessionReply } from '../../../shared/contract/auth.ts'
import { signOut } from '../api/client.ts'
import { explainProblem } from '../api/explain-problem.ts'
import { useSession } from '../api/session.ts'
import { Brand } from './brand.tsx'
import { BusyButton } from './busy-button.tsx'
import { notify } from './notify.ts'
import { ProblemNotice } from './problem-notice.tsx'

const SECTIONS = [
  { to: '/', label: 'Overview' },
  { to: '/portals', label: 'Portals' },
  { to: '/files', label: 'Files' },
  { to: '/accounts', label: 'Accounts' },
  { to: '/activity', label: 'Activity' },
  { to: '/settings', label: 'Settings' },
]

/** Everything behind the sign-in. */
export function Shell() {
  const session = useSession()
  const { pathname, search } = useLocation()
  if (session.isPending) return <Opening />
  if (session.isError) {
    return (
      <main className="lonely">
        <ProblemNotice error={session.error} onRetry={session.refetch} />
      </main>
    )
  }
  if (session.data === null) {
    const returnTo = `${pathname}${search}`
    const query = returnTo === '/' ? '' : `?${new URLSearchParams({ returnTo })}`
    return <Navigate to={`/sign-in${query}`} replace />
  }
  return (
    <>
      <a className="skip-link" href="#content">
        Skip to the content
      </a>
      <header className="shell-header">
        <div className="shell-bar">
          <Link to="/" className="brand-link">
            <Brand />
          </Link>
          <nav className="shell-nav" aria-label="Main">
            {SECTIONS.map(({ to, label }) => (
              <NavLink key={to} to={to} end={to === '/'} className="shell-nav-link">
                {label}
              </NavLink>
            ))}
          </nav>
          <SignedIn user={session.data} />
        </div>
      </header>
      <main id="content" className="shell-main" tabIndex={-1}>
        <Suspense fallback={<Waiting />}>
          <Outlet />
        </Suspense>
      </main>
    </>
  )
}

function SignedIn({ user }: { user: SessionReply['user'] }) {
  const leave = useMutation({
    mutationFn: signOut,
    // A new document: nothing of this owner is left in memory for whoever signs in next.
    onSuccess: () => window.location.assign('/sign-in'),
    onError: (error) => {
      const { title, detail } = explainProblem(error)
      notify({ title, message: detail, color: 'danger' })
    },
  })
  const name = user.name ?? user.email ?? 'Signed in'
  return (
    <div className="shell-user">
      <Avatar
        src={user.image}
        alt=""
        name={name}
        size={32}
        color="spruce"
        // Google's picture host refuses requests that name a page they come from.
        imageProps={{ referrerPolicy: 'no-referrer' }}
      />
      <span className="shell-user-name" title={user.email ?? undefined}>
        {name}
      </span>
      <BusyButton size="xs" variant="default" busy={leave.isPending} onClick={() => leave.mutate()}>
        Sign out
      </BusyButton>
    </div>
  )
}

/** As `index.html` shows it before there is any script. */
function Opening() {
  return (
    <div className="opening" role="status" aria-label="Loading">
      <Brand />
    </div>
  )
}

function Waiting() {
  return (
    <div className="waiting" role="status" aria-label="Loading">
      <Loader />
    </div>
  )
}

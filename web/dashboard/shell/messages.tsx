import { Notifications } from '@mantine/notifications'

/** Where messages are shown; loaded with the first of them. */
export function Messages() {
  return <Notifications position="bottom-center" autoClose={8000} />
}

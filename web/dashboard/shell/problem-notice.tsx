import { Button } from '@mantine/core'
import { explainProblem } from '../api/explain-problem.ts'
import { Notice } from './notice.tsx'

interface ProblemNoticeProps {
  error: unknown
  onRetry?: () => unknown
  onClose?: () => void
}

export function ProblemNotice({ error, onRetry, onClose }: ProblemNoticeProps) {
  const { title, detail } = explainProblem(error)
  const retry = onRetry && (
    <Button size="xs" variant="default" onClick={() => onRetry()}>
      Try again
    </Button>
  )
  return (
    <Notice tone="danger" title={title} actions={retry} {...(onClose ? { onClose } : {})}>
      {detail}
    </Notice>
  )
}

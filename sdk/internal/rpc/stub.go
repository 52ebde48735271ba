package rpc

func IsRetryable(err error) bool       { return false }
func IsMessageTooLarge(err error) bool { return false }

package internal

type Context interface{ Err() error }

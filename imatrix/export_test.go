package imatrix

import "io"

func (m *Matrix) Encode(to io.WriterAt) error { return m.encode(to) }

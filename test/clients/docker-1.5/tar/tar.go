// Package tar stands for the copy of archive/tar that Docker 1.5 had. It is Go's own, but for one habit of the old reader:
// the last bytes of a member came first, and its end with the next call. TarSum loses them when both come at once.
package tar

import (
	"archive/tar"
	"io"
)

type (
	Header = tar.Header
	Writer = tar.Writer
)

const (
	TypeReg           = tar.TypeReg
	TypeRegA          = '\x00'
	TypeLink          = tar.TypeLink
	TypeSymlink       = tar.TypeSymlink
	TypeChar          = tar.TypeChar
	TypeBlock         = tar.TypeBlock
	TypeDir           = tar.TypeDir
	TypeFifo          = tar.TypeFifo
	TypeXGlobalHeader = tar.TypeXGlobalHeader
)

var (
	NewWriter      = tar.NewWriter
	FileInfoHeader = tar.FileInfoHeader
)

type Reader struct{ *tar.Reader }

func NewReader(from io.Reader) *Reader { return &Reader{tar.NewReader(from)} }

func (r *Reader) Read(into []byte) (int, error) {
	count, err := r.Reader.Read(into)
	if count > 0 && err == io.EOF {
		return count, nil
	}
	return count, err
}

package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"golang.org/x/sys/unix"
)

// # Files
//
// The directory of the store holds segments, each a header and records:
//
//	blocks-<seq>.seg    big blocks, appended as they are merged
//	journal-<seq>.seg   a snapshot of the small blocks and the heads, then one
//	                    frame per sweep
//
//	header  "SYSOPSTS", version uint32, boot id 16 bytes, last row id given
//	        uint32, crc32c of these
//	record  0xB10C5EED, type byte, length uint32, crc32c of type, length and
//	        payload, payload
//
// All numbers are little endian. A record that does not check is skipped up
// to the next place where one does, and counted; a file of another version is
// set aside under the name *.unreadable and never guessed at.
const (
	fileMagic    = "SYSOPSTS"
	fileVersion  = 1
	headerSize   = 8 + 4 + 16 + 4 + 4
	recordMagic  = 0xB10C5EED
	recordHeader = 4 + 1 + 4 + 4
	maxRecord    = 64 << 20
)

// The types of record.
const (
	recBlock    = 'B' // a block
	recSnapshot = 'S' // heads, encoded as a block, in journals
	recFrame    = 'F' // one sweep of one shard, in journals
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendHeader(dst []byte, boot bootID, lastID uint32) []byte {
	at := len(dst)
	dst = append(dst, fileMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, fileVersion)
	dst = append(dst, boot[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, lastID)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// errVersion is wrapped when a file was written by another version.
var errVersion = errors.New("written by another version")

func parseHeader(b []byte) (boot bootID, lastID uint32, err error) {
	if len(b) < headerSize || string(b[:8]) != fileMagic {
		return boot, 0, fmt.Errorf("%w: no segment header", errCorrupt)
	}
	const body = headerSize - 4
	sum := crc32.Checksum(b[:body], castagnoli) == binary.LittleEndian.Uint32(b[body:])
	if v := binary.LittleEndian.Uint32(b[8:]); v != fileVersion && (sum || !wasOurs(b[:headerSize])) {
		return boot, 0, fmt.Errorf("%w: format %d, this agent reads %d", errVersion, v, fileVersion)
	}
	if !sum {
		return boot, 0, fmt.Errorf("%w: header checksum", errCorrupt)
	}
	copy(boot[:], b[12:28])
	return boot, binary.LittleEndian.Uint32(b[28:]), nil
}

// wasOurs reports whether a header of another version is one of ours with
// that number damaged: then its checksum is that of our version.
func wasOurs(header []byte) bool {
	h := bytes.Clone(header)
	binary.LittleEndian.PutUint32(h[8:], fileVersion)
	const body = headerSize - 4
	return crc32.Checksum(h[:body], castagnoli) == binary.LittleEndian.Uint32(h[body:])
}

// beginRecord appends the header of a record; finishRecord fills it in.
func beginRecord(dst []byte, typ byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, recordMagic)
	return append(dst, typ, 0, 0, 0, 0, 0, 0, 0, 0)
}

// finishRecord completes the record that began at dst[at:].
func finishRecord(dst []byte, at int) {
	r := dst[at:]
	binary.LittleEndian.PutUint32(r[5:], uint32(len(r)-recordHeader))
	crc := crc32.Update(0, castagnoli, r[4:9])
	crc = crc32.Update(crc, castagnoli, r[recordHeader:])
	binary.LittleEndian.PutUint32(r[9:], crc)
}

// eachRecord calls f for every record of b that checks. It returns how many
// damaged places were skipped, and whether b ends in a record that was being
// written when the agent or the host died, which is no damage.
func eachRecord(b []byte, f func(typ byte, payload []byte)) (damaged int, torn bool) {
	inDamage := false
	for len(b) > 0 {
		if n, ok := recordAt(b); ok {
			f(b[4], b[recordHeader:n])
			b, inDamage = b[n:], false
			continue
		}
		next := bytes.Index(b[1:], recordMagicBytes)
		if next < 0 && !inDamage && unfinished(b) {
			return damaged, true
		}
		if !inDamage {
			damaged++
			inDamage = true
		}
		if next < 0 {
			return damaged, false
		}
		b = b[1+next:]
	}
	return damaged, false
}

var recordMagicBytes = binary.LittleEndian.AppendUint32(nil, recordMagic)

// unfinished reports whether b is the beginning of a record, its rest missing
// or, after a power loss, zeros.
func unfinished(b []byte) bool {
	if rest := bytes.TrimRight(b, "\x00"); len(rest) == 0 || len(b)-len(rest) >= 16 {
		b = rest
	}
	if !bytes.HasPrefix(b, recordMagicBytes[:min(len(b), len(recordMagicBytes))]) {
		return false
	}
	if len(b) < recordHeader {
		return true
	}
	size := binary.LittleEndian.Uint32(b[5:])
	return size <= maxRecord && int(size) > len(b)-recordHeader
}

// recordAt returns the length of the record at the beginning of b.
func recordAt(b []byte) (int, bool) {
	if len(b) < recordHeader || binary.LittleEndian.Uint32(b) != recordMagic {
		return 0, false
	}
	size := binary.LittleEndian.Uint32(b[5:])
	if size > maxRecord || int(size) > len(b)-recordHeader {
		return 0, false
	}
	n := recordHeader + int(size)
	crc := crc32.Update(0, castagnoli, b[4:9])
	crc = crc32.Update(crc, castagnoli, b[recordHeader:n])
	return n, crc == binary.LittleEndian.Uint32(b[9:])
}

// segment is a file that is only appended to.
type segment struct {
	f    *os.File
	path string
	size int64
}

func createSegment(path string, boot bootID, lastID uint32) (*segment, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	s := &segment{f: f, path: path}
	if err := s.append(appendHeader(nil, boot, lastID)); err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return s, nil
}

// append writes b whole or, as far as the disk lets it, not at all.
func (s *segment) append(b []byte) error {
	n, err := s.f.Write(b)
	if err != nil {
		if n > 0 && s.f.Truncate(s.size) == nil {
			_, _ = s.f.Seek(s.size, 0)
		} else {
			s.size += int64(n)
		}
		return err
	}
	s.size += int64(n)
	return nil
}

// unlinked reports whether the file is no longer in any directory; a nil
// segment is not.
func (s *segment) unlinked() bool {
	if s == nil {
		return false
	}
	var st unix.Stat_t
	return unix.Fstat(int(s.f.Fd()), &st) == nil && st.Nlink == 0
}

func (s *segment) close() error { return s.f.Close() }

// bootID identifies one boot of the host.
type bootID [16]byte

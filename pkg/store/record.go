package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
)

// # Files
//
// The directory of the store holds segments, each a header and records:
//
//	blocks-<seq>.seg    sealed blocks, appended as they are sealed
//	journal-<seq>.seg   a snapshot of the heads, then one frame per sweep
//
//	header  "SYSOPSTS", version uint32, boot id 16 bytes, crc32c of these
//	record  0xB10C5EED, type byte, length uint32, crc32c of type, length and
//	        payload, payload
//
// All numbers are little endian. A record that does not check is skipped up
// to the next place where one does, and counted; a file of another version is
// set aside under the name *.unreadable and never guessed at.
const (
	fileMagic    = "SYSOPSTS"
	fileVersion  = 1
	headerSize   = 8 + 4 + 16 + 4
	recordMagic  = 0xB10C5EED
	recordHeader = 4 + 1 + 4 + 4
	maxRecord    = 64 << 20
)

// The types of record.
const (
	recBlock    = 'B' // a sealed block, in blocks files
	recSnapshot = 'S' // heads, encoded as a block, in journals
	recFrame    = 'F' // one sweep of one shard, in journals
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendHeader(dst []byte, boot bootID) []byte {
	at := len(dst)
	dst = append(dst, fileMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, fileVersion)
	dst = append(dst, boot[:]...)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// errVersion is wrapped when a file was written by another version.
var errVersion = errors.New("written by another version")

func parseHeader(b []byte) (boot bootID, err error) {
	if len(b) < headerSize || string(b[:8]) != fileMagic {
		return boot, fmt.Errorf("%w: no segment header", errCorrupt)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != fileVersion {
		return boot, fmt.Errorf("%w: format %d, this agent reads %d", errVersion, v, fileVersion)
	}
	if crc32.Checksum(b[:28], castagnoli) != binary.LittleEndian.Uint32(b[28:]) {
		return boot, fmt.Errorf("%w: header checksum", errCorrupt)
	}
	copy(boot[:], b[12:28])
	return boot, nil
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

// eachRecord calls f for every record of b that checks, and returns how many
// damaged places were skipped.
func eachRecord(b []byte, f func(typ byte, payload []byte)) (damaged int) {
	magic := binary.LittleEndian.AppendUint32(nil, recordMagic)
	inDamage := false
	for len(b) > 0 {
		if n, ok := recordAt(b); ok {
			f(b[4], b[recordHeader:n])
			b, inDamage = b[n:], false
			continue
		}
		if !inDamage {
			damaged++
			inDamage = true
		}
		next := bytes.Index(b[1:], magic)
		if next < 0 {
			return damaged
		}
		b = b[1+next:]
	}
	return damaged
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

func createSegment(path string, boot bootID) (*segment, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	s := &segment{f: f, path: path}
	if err := s.append(appendHeader(nil, boot)); err != nil {
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

func (s *segment) close() error { return s.f.Close() }

// bootID identifies one boot of the host.
type bootID [16]byte

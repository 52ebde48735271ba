package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// manifestFormat is the version of the form of manifests.
const manifestFormat = 1

const (
	manifestName  = "manifest.json"
	dataName      = "data"
	lockName      = "LOCK"
	partialSuffix = ".partial"
	nameLayout    = "20060102T150405.000Z"
)

// Manifest is what is in a backup.
type Manifest struct {
	Format int    `json:"format"`
	Name   string `json:"name"`
	// Version is that of the server that has made it.
	Version string `json:"version"`
	// Cluster is the id of the cluster whose data it has.
	Cluster string `json:"cluster"`
	Shards  int    `json:"shards"`
	// Time is the moment it is of: all that was acknowledged before is in it.
	Time     time.Time `json:"time"`
	Begun    time.Time `json:"begun"`
	Finished time.Time `json:"finished"`
	// Bytes is the size of all files, Copied how much of that the backup before did not
	// have.
	Bytes  int64  `json:"bytes"`
	Copied int64  `json:"copied"`
	Files  []File `json:"files"`
	// Digest is the SHA-256 of the manifest itself with an empty digest.
	Digest string `json:"digest"`
}

// File is a file of a backup.
type File struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	// Modified is when the file was last changed in the data directory, in nanoseconds
	// since 1970.
	Modified int64  `json:"modified"`
	SHA256   string `json:"sha256"`
}

// ErrDamaged is wrapped by errors about a backup that is not as it was made.
var ErrDamaged = errors.New("the backup is damaged")

func (m *Manifest) encode() ([]byte, error) { return json.MarshalIndent(m, "", "  ") }

func (m *Manifest) digest() (string, error) {
	without := *m
	without.Digest = ""
	data, err := without.encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// writeTo writes the manifest into the directory of the backup, durably.
func (m *Manifest) writeTo(dir string) (err error) {
	if m.Digest, err = m.digest(); err != nil {
		return err
	}
	data, err := m.encode()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, manifestName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return syncDir(dir)
}

// readManifest reads the manifest of the backup in the directory.
func readManifest(dir string) (*Manifest, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no %s", ErrDamaged, dir, manifestName)
	}
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: %s of %s: %w", ErrDamaged, manifestName, dir, err)
	}
	if m.Format > manifestFormat {
		return nil, fmt.Errorf("backup %s has format %d, and this release reads formats up to %d: use the release that made it (%s), or a later one",
			dir, m.Format, manifestFormat, m.Version)
	}
	digest, err := m.digest()
	if err != nil {
		return nil, err
	}
	if digest != m.Digest {
		return nil, fmt.Errorf("%w: %s of %s does not match its digest", ErrDamaged, manifestName, dir)
	}
	for _, f := range m.Files {
		if f.Name == "" || f.Name != filepath.Base(f.Name) || f.Name == "." || f.Name == ".." {
			return nil, fmt.Errorf("%w: %s of %s has a file named %q", ErrDamaged, manifestName, dir, f.Name)
		}
	}
	return m, nil
}

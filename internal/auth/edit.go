package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// ReadAccessFile reads the file at the path. One that is not there is empty.
func ReadAccessFile(path string) (*AccessFile, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	return ParseAccessFile(path, text)
}

// AddAPIKey adds an entry to the file at the path, which is made if it is not there, and
// can be read by its owner only then. What else is in the file stays, comments included.
func AddAPIKey(path string, entry APIKey) error {
	return editAPIKeys(path, func(keys *yaml.Node) error {
		added := &yaml.Node{}
		if err := added.Encode(entry); err != nil {
			return err
		}
		keys.Content = append(keys.Content, added)
		keys.Style = 0 // not in brackets
		return nil
	})
}

// RemoveAPIKey removes the entry with the name from the file at the path.
func RemoveAPIKey(path, name string) error {
	return editAPIKeys(path, func(keys *yaml.Node) error {
		for i, item := range keys.Content {
			var entry APIKey
			if item.Decode(&entry) == nil && entry.Name == name {
				keys.Content = append(keys.Content[:i], keys.Content[i+1:]...)
				return nil
			}
		}
		return fmt.Errorf("there is no API key %q in %s", name, path)
	})
}

func readText(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// editAPIKeys changes the list of keys in the file. The file is replaced as a whole, and
// only by one that is right.
func editAPIKeys(path string, edit func(keys *yaml.Node) error) error {
	text, err := readText(path)
	if err != nil {
		return err
	}
	if _, err := ParseAccessFile(path, text); err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	if len(document.Content) == 0 {
		document = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	if err := edit(listIn(document.Content[0], "apiKeys")); err != nil {
		return err
	}
	text, err = yaml.Marshal(&document)
	if err != nil {
		return err
	}
	if _, err := ParseAccessFile(path, text); err != nil {
		return err
	}
	return replaceFile(path, text)
}

// listIn is the list under the key of a mapping, which is made if it is not there.
func listIn(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode { // nothing but comments
		mapping.Kind, mapping.Tag, mapping.Value = yaml.MappingNode, "", ""
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			list := mapping.Content[i+1]
			if list.Kind != yaml.SequenceNode {
				*list = yaml.Node{Kind: yaml.SequenceNode}
			}
			return list
		}
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, list)
	return list
}

// replaceFile puts the text in the place of the file at once, so that a server that follows
// it never reads half of it.
func replaceFile(path string, text []byte) error {
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".access-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
